"""Routes of the Auth API."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from embedded.auth.accounts import Accounts
from embedded.auth.administration import Administration
from embedded.auth.codes import Codes
from embedded.auth.guard import AuthHandler, json_response, with_identity
from embedded.auth.own_account import OwnAccount
from embedded.auth.sessions import Sessions
from embedded.keys import Identity, Keys


def auth_routes(accounts: Accounts, sessions: Sessions, keys: Keys) -> list[BaseRoute]:
    """Build the routes below /auth/v1."""
    codes = Codes()
    own = OwnAccount(accounts, sessions, codes)
    admin = Administration(accounts, codes)

    def route(path: str, method: str, handler: AuthHandler, **options: bool) -> Route:
        return Route(path, with_identity(keys, handler, **options), methods=[method])

    def admin_route(path: str, method: str, handler: AuthHandler) -> Route:
        return route(f"/admin{path}", method, handler, needs_service_role=True)

    return [
        Route("/health", _report_health, methods=["GET"]),
        Route("/.well-known/jwks.json", _get_signing_keys, methods=["GET"]),
        route("/settings", "GET", _get_settings, checks_token=False),
        route("/signup", "POST", own.sign_up, checks_token=False),
        route("/token", "POST", own.issue_token, checks_token=False),
        route("/otp", "POST", own.send_code, checks_token=False),
        route("/verify", "POST", own.verify_code, checks_token=False),
        route("/user", "GET", own.get_user),
        route("/user", "PUT", own.update_user),
        route("/logout", "POST", own.log_out),
        admin_route("/generate_link", "POST", admin.generate_link),
        admin_route("/users", "POST", admin.create_user),
        admin_route("/users", "GET", admin.list_users),
        admin_route("/users/{user_id}", "GET", admin.get_user),
        admin_route("/users/{user_id}", "PUT", admin.update_user),
        admin_route("/users/{user_id}", "DELETE", admin.delete_user),
    ]


async def _report_health(_request: Request) -> Response:
    return JSONResponse({"name": "GoTrue", "description": "embedded", "version": "embedded"})


async def _get_signing_keys(_request: Request) -> Response:
    """Return no keys: tokens are signed with a shared secret, so clients use /user instead."""
    return JSONResponse({"keys": []})


async def _get_settings(_request: Request, _build_identity: Identity) -> Response:
    """Return the enabled sign-in methods, for generated user interfaces."""
    return json_response(
        {
            "external": {"email": True, "phone": False, "anonymous_users": False},
            "disable_signup": False,
            "mailer_autoconfirm": True,
            "phone_autoconfirm": False,
            "sms_provider": "",
            "saml_enabled": False,
        }
    )
