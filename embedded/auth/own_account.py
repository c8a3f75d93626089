"""Sign-up, sign-in and changes of users to their own accounts."""

from typing import Final

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from embedded.auth.accounts import AccountChange, Accounts, NewAccount
from embedded.auth.bodies import read_body, read_mapping, read_required_text, read_text
from embedded.auth.codes import Codes
from embedded.auth.errors import API_VERSION, AuthError, invalid_credentials, validation_failed
from embedded.auth.guard import json_response
from embedded.auth.passwords import is_password
from embedded.auth.sessions import Sessions
from embedded.auth.user import build_user
from embedded.keys import Identity

_CODE_TYPES: Final = frozenset({"email", "magiclink"})
_SCOPES: Final = frozenset({"global", "local", "others"})


class OwnAccount:
    """Handlers below /auth/v1 that need no secret key."""

    def __init__(self, accounts: Accounts, sessions: Sessions, codes: Codes) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._codes = codes

    async def sign_up(self, request: Request, _build_identity: Identity) -> Response:
        """Create an account with e-mail and password and return its first session."""
        body = await read_body(request)
        if body.get("phone"):
            raise AuthError(400, "phone_provider_disabled", "Phone signups are disabled")
        if not body.get("email"):
            raise AuthError(422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled")
        account = await self._accounts.create(
            NewAccount(
                email=read_required_text(body, "email"),
                password=read_required_text(body, "password"),
                user_metadata=read_mapping(body, "data"),
            )
        )
        return json_response(await self._sessions.open(account))

    async def issue_token(self, request: Request, _build_identity: Identity) -> Response:
        """Open a session with a password, or renew one with a refresh token."""
        body = await read_body(request)
        match request.query_params.get("grant_type"):
            case "password":
                account = await self._accounts.find_by_password(
                    read_required_text(body, "email"), read_required_text(body, "password")
                )
                if account is None:
                    raise invalid_credentials()
                if account["is_banned"]:
                    raise AuthError(400, "user_banned", "User is banned")
                return json_response(await self._sessions.open(account))
            case "refresh_token":
                return json_response(
                    await self._sessions.renew(read_required_text(body, "refresh_token"))
                )
            case grant:
                raise AuthError(400, "unsupported_grant_type", f"unsupported_grant_type: {grant}")

    async def send_code(self, request: Request, _build_identity: Identity) -> Response:
        """Send a code by e-mail to an account, which is created unless the request refuses that."""
        body = await read_body(request)
        if body.get("phone"):
            raise AuthError(400, "phone_provider_disabled", "Unsupported phone provider")
        email = read_required_text(body, "email")
        account = await self._accounts.find_by_email(email)
        if account is None and body.get("create_user") is False:
            raise AuthError(422, "otp_disabled", "Signups not allowed for otp")
        if account is None:
            account = await self._accounts.create(
                NewAccount(email=email, password=None, user_metadata=read_mapping(body, "data"))
            )
        self._codes.send(account["email"])
        return json_response({})

    async def verify_code(self, request: Request, _build_identity: Identity) -> Response:
        """Open a session with a code, which is valid once."""
        body = await read_body(request)
        if read_required_text(body, "type") not in _CODE_TYPES:
            raise validation_failed("the embedded server verifies codes of e-mails only")
        account = await self._accounts.find_by_email(read_required_text(body, "email"))
        code = read_required_text(body, "token")
        if account is None or not self._codes.use(account["email"], code):
            raise AuthError(403, "otp_expired", "Token has expired or is invalid")
        if account["is_banned"]:
            raise AuthError(403, "user_banned", "User is banned")
        return json_response(await self._sessions.open(account, method="otp"))

    async def get_user(self, _request: Request, identity: Identity) -> Response:
        """Return the account of the access token."""
        return json_response(build_user(await self._load_signed_in(identity)))

    async def update_user(self, request: Request, identity: Identity) -> Response:
        """Change e-mail, password or metadata; a new password ends the other sessions."""
        account = await self._load_signed_in(identity)
        body = await read_body(request)
        if body.get("phone"):
            raise AuthError(400, "phone_provider_disabled", "Phone logins are disabled")
        password = read_text(body, "password")
        if password and await is_password(password, account["encrypted_password"]):
            message = "New password should be different from the old password."
            raise AuthError(422, "same_password", message)
        changed = await self._accounts.update(
            str(account["id"]),
            AccountChange(
                email=read_text(body, "email"),
                password=password,
                user_metadata=read_mapping(body, "data"),
            ),
        )
        if password:
            await self._sessions.end(identity.claims, "others")
        return json_response(build_user(changed))

    async def log_out(self, request: Request, identity: Identity) -> Response:
        """End sessions; issued access tokens stay valid until they expire."""
        await self._load_signed_in(identity)
        scope = request.query_params.get("scope", "global")
        if scope not in _SCOPES:
            raise validation_failed("scope must be one of global, local, others")
        await self._sessions.end(identity.claims, scope)
        return Response(status_code=204, headers=API_VERSION)

    async def _load_signed_in(self, identity: Identity) -> asyncpg.Record:
        if not identity.claims.get("sub"):
            raise AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token")
        if not await self._sessions.is_open(identity.claims):
            raise AuthError(
                403, "session_not_found", "Session from session_id claim in JWT does not exist"
            )
        try:
            return await self._accounts.load(str(identity.claims["sub"]))
        except AuthError as error:
            message = "User from sub claim in JWT does not exist"
            raise AuthError(403, error.code, message) from error
