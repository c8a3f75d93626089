"""Who asks: the key and the token of a request to the Auth API."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from embedded.auth.errors import API_VERSION, AuthError
from embedded.keys import Identity, Keys, KeyRefused, identify

AuthHandler: TypeAlias = Callable[[Request, Identity], Awaitable[Response]]


def with_identity(
    keys: Keys, handler: AuthHandler, *, checks_token: bool = True
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that tells `handler` who asks, and says its errors in the API's words.

    `checks_token`: off for what people do to get a token, who may still send an old one.
    """

    async def endpoint(request: Request) -> Response:
        try:
            identity = identify(
                keys,
                apikey=request.headers.get("apikey") or request.query_params.get("apikey"),
                authorization=request.headers.get("authorization") if checks_token else None,
                user_agent=request.headers.get("user-agent"),
            )
            return await handler(request, identity)
        except KeyRefused as refused:
            if "code" in refused.body:
                message = f"invalid JWT: {refused.body['message']}"
                return AuthError(403, "bad_jwt", message).response(request)
            return JSONResponse(refused.body, refused.status)
        except AuthError as error:
            return error.response(request)

    return endpoint


def require_service_role(identity: Identity) -> None:
    """Raise AuthError for everybody but the secret key."""
    if identity.role != "service_role":
        raise AuthError(403, "not_admin", "User not allowed")


def json_response(body: dict[str, Any]) -> Response:
    """What went well."""
    return JSONResponse(body, headers=API_VERSION)
