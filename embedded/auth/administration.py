"""Administration of all accounts with the secret key."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from embedded.auth.accounts import AccountChange, Accounts, NewAccount, parse_id
from embedded.auth.bodies import (
    read_body,
    read_duration,
    read_mapping,
    read_query_number,
    read_required_text,
    read_text,
)
from embedded.auth.codes import Codes
from embedded.auth.errors import API_VERSION, validation_failed
from embedded.auth.guard import json_response
from embedded.auth.user import build_user
from embedded.keys import Identity

_PAGE_SIZE: Final = 50
_LARGEST_PAGE: Final = 1000


class Administration:
    """Handlers below /auth/v1/admin."""

    def __init__(self, accounts: Accounts, codes: Codes) -> None:
        self._accounts = accounts
        self._codes = codes

    async def generate_link(self, request: Request, _identity: Identity) -> Response:
        """Return a code for sign-in by e-mail, in place of sending it; the link is not served."""
        body = await read_body(request)
        if read_required_text(body, "type") != "magiclink":
            raise validation_failed("the embedded server has links of the type magiclink only")
        email = read_required_text(body, "email")
        account = await self._accounts.find_by_email(email)
        if account is None:
            account = await self._accounts.create(
                NewAccount(email=email, password=None, user_metadata=read_mapping(body, "data"))
            )
        code = self._codes.create(account["email"])
        link = {
            "action_link": "",
            "email_otp": code,
            "hashed_token": "",
            "redirect_to": "",
            "verification_type": "magiclink",
        }
        return json_response(build_user(account) | link)

    async def create_user(self, request: Request, _identity: Identity) -> Response:
        """Create an account."""
        body = await read_body(request)
        wanted_id = read_text(body, "id")
        account = await self._accounts.create(
            NewAccount(
                id=parse_id(wanted_id) if wanted_id else None,
                email=read_required_text(body, "email"),
                password=read_text(body, "password"),
                role=read_text(body, "role") or "authenticated",
                user_metadata=read_mapping(body, "user_metadata"),
                app_metadata=read_mapping(body, "app_metadata"),
            )
        )
        return json_response(build_user(account))

    async def list_users(self, request: Request, _identity: Identity) -> Response:
        """Return one page of accounts; headers have the total count and the next page."""
        number = read_query_number(request, "page", 1)
        size = min(read_query_number(request, "per_page", _PAGE_SIZE), _LARGEST_PAGE)
        rows, total = await self._accounts.list_page(number, size)
        last = max(1, -(-total // size))
        links = [f'</admin/users?page={last}&per_page={size}>; rel="last"']
        if number < last:
            links.insert(0, f'</admin/users?page={number + 1}&per_page={size}>; rel="next"')
        return JSONResponse(
            {"users": [build_user(row) for row in rows], "aud": "authenticated"},
            headers=API_VERSION | {"X-Total-Count": str(total), "Link": ", ".join(links)},
        )

    async def get_user(self, request: Request, _identity: Identity) -> Response:
        """Return an account."""
        return json_response(build_user(await self._accounts.load(request.path_params["user_id"])))

    async def update_user(self, request: Request, _identity: Identity) -> Response:
        """Change an account."""
        body = await read_body(request)
        account = await self._accounts.update(
            request.path_params["user_id"],
            AccountChange(
                email=read_text(body, "email"),
                password=read_text(body, "password"),
                role=read_text(body, "role"),
                user_metadata=read_mapping(body, "user_metadata"),
                app_metadata=read_mapping(body, "app_metadata"),
                ban=read_duration(body, "ban_duration"),
            ),
        )
        return json_response(build_user(account))

    async def delete_user(self, request: Request, _identity: Identity) -> Response:
        """Delete an account, or with `should_soft_delete` only its personal data."""
        body = await read_body(request)
        if body.get("should_soft_delete") is True:
            await self._accounts.soft_delete(request.path_params["user_id"])
        else:
            await self._accounts.delete(request.path_params["user_id"])
        return json_response({})
