"""Authentication of requests to the Auth API."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from embedded.auth.errors import API_VERSION, AuthError
from embedded.keys import Identity, KeyRefused, Keys, identify_headers

AuthHandler: TypeAlias = Callable[[Request, Identity], Awaitable[Response]]


def with_identity(
    keys: Keys, handler: AuthHandler, *, checks_token: bool = True, needs_service_role: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a handler: identify the caller and translate errors to the API's format.

    Without `checks_token` the token is ignored, since clients without a session may send an old
    one to sign in.
    """

    async def endpoint(request: Request) -> Response:
        try:
            identity = identify_headers(
                keys,
                request.headers,
                url_key=request.query_params.get("apikey"),
                has_token=checks_token,
            )
            if needs_service_role and identity.role != "service_role":
                return AuthError(403, "not_admin", "User not allowed").build_response(request)
            return await handler(request, identity)
        except KeyRefused as refused:
            if "code" in refused.body:
                message = f"invalid JWT: {refused.body['message']}"
                return AuthError(403, "bad_jwt", message).build_response(request)
            return JSONResponse(refused.body, refused.status)
        except AuthError as error:
            return error.build_response(request)

    return endpoint


def json_response(body: dict[str, Any]) -> Response:
    """Build the response to a successful request."""
    return JSONResponse(body, headers=API_VERSION)
