"""The endpoints of Auth."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from embedded.auth.accounts import Accounts
from embedded.auth.administration import Administration
from embedded.auth.guard import Handler, answer, guarded
from embedded.auth.own_account import OwnAccount
from embedded.auth.sessions import Sessions
from embedded.keys import Identity, Keys


def auth_routes(accounts: Accounts, sessions: Sessions, keys: Keys) -> list[BaseRoute]:
    """The routes below /auth/v1."""
    own = OwnAccount(accounts, sessions)
    admin = Administration(accounts)

    def route(path: str, method: str, handler: Handler, *, heeds_token: bool = True) -> Route:
        return Route(path, guarded(keys, handler, heeds_token=heeds_token), methods=[method])

    return [
        Route("/health", _tell_health, methods=["GET"]),
        Route("/.well-known/jwks.json", _list_keys, methods=["GET"]),
        route("/settings", "GET", _tell_settings, heeds_token=False),
        route("/signup", "POST", own.sign_up, heeds_token=False),
        route("/token", "POST", own.give_token, heeds_token=False),
        route("/user", "GET", own.tell_user),
        route("/user", "PUT", own.change_user),
        route("/logout", "POST", own.log_out),
        route("/admin/users", "POST", admin.create_user),
        route("/admin/users", "GET", admin.list_users),
        route("/admin/users/{user_id}", "GET", admin.tell_user),
        route("/admin/users/{user_id}", "PUT", admin.change_user),
        route("/admin/users/{user_id}", "DELETE", admin.delete_user),
    ]


async def _tell_health(_request: Request) -> Response:
    return JSONResponse({"name": "GoTrue", "description": "embedded", "version": "embedded"})


async def _list_keys(_request: Request) -> Response:
    """None: tokens are signed with a shared secret, so clients ask /user instead."""
    return JSONResponse({"keys": []})


async def _tell_settings(_request: Request, _identity: Identity) -> Response:
    """Which ways to sign in are open, for user interfaces that draw themselves."""
    return answer(
        {
            "external": {"email": True, "phone": False, "anonymous_users": False},
            "disable_signup": False,
            "mailer_autoconfirm": True,
            "phone_autoconfirm": False,
            "sms_provider": "",
            "saml_enabled": False,
        }
    )
