"""What the holder of the secret key does with everybody's accounts."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from embedded.auth.accounts import Accounts, Change, NewAccount, parse_id
from embedded.auth.bodies import (
    duration_of,
    mapping_of,
    number_of,
    optional_text_of,
    read_object,
    text_of,
)
from embedded.auth.errors import API_VERSION
from embedded.auth.guard import answer, require_service_role
from embedded.auth.user import as_user
from embedded.keys import Identity

_PAGE_SIZE: Final = 50
_LARGEST_PAGE: Final = 1000


class Administration:
    """The handlers below /auth/v1/admin."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def create_user(self, request: Request, identity: Identity) -> Response:
        """Make an account by hand."""
        require_service_role(identity)
        body = await read_object(request)
        wanted_id = optional_text_of(body, "id")
        account = await self._accounts.create(
            NewAccount(
                id=parse_id(wanted_id) if wanted_id else None,
                email=text_of(body, "email"),
                password=optional_text_of(body, "password"),
                role=optional_text_of(body, "role") or "authenticated",
                user_metadata=mapping_of(body, "user_metadata"),
                app_metadata=mapping_of(body, "app_metadata"),
            )
        )
        return answer(as_user(account))

    async def list_users(self, request: Request, identity: Identity) -> Response:
        """One page of accounts; the headers say how many there are and where the next ones are."""
        require_service_role(identity)
        number = number_of(request, "page", 1)
        size = min(number_of(request, "per_page", _PAGE_SIZE), _LARGEST_PAGE)
        rows, total = await self._accounts.page(number, size)
        last = max(1, -(-total // size))
        links = [f'</admin/users?page={last}&per_page={size}>; rel="last"']
        if number < last:
            links.insert(0, f'</admin/users?page={number + 1}&per_page={size}>; rel="next"')
        return JSONResponse(
            {"users": [as_user(row) for row in rows], "aud": "authenticated"},
            headers=API_VERSION | {"X-Total-Count": str(total), "Link": ", ".join(links)},
        )

    async def tell_user(self, request: Request, identity: Identity) -> Response:
        """One account."""
        require_service_role(identity)
        return answer(as_user(await self._accounts.by_id(request.path_params["user_id"])))

    async def change_user(self, request: Request, identity: Identity) -> Response:
        """Change whatever there is to an account, without asking its owner."""
        require_service_role(identity)
        body = await read_object(request)
        account = await self._accounts.change(
            request.path_params["user_id"],
            Change(
                email=optional_text_of(body, "email"),
                password=optional_text_of(body, "password"),
                role=optional_text_of(body, "role"),
                user_metadata=mapping_of(body, "user_metadata"),
                app_metadata=mapping_of(body, "app_metadata"),
                ban=duration_of(body, "ban_duration"),
            ),
        )
        return answer(as_user(account))

    async def delete_user(self, request: Request, identity: Identity) -> Response:
        """Take an account away, for good or (`should_soft_delete`) out of sight."""
        require_service_role(identity)
        body = await read_object(request)
        if body.get("should_soft_delete") is True:
            await self._accounts.retire(request.path_params["user_id"])
        else:
            await self._accounts.delete(request.path_params["user_id"])
        return answer({})
