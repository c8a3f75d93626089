"""Answers to what the embedded server does not offer."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

ALTERNATIVE: Final = (
    "The embedded server is a part of Supabase: use `supabase start` or a hosted project for "
    "the rest, with SUPABASE_URL and SUPABASE_SECRET_KEY pointing there."
)
_SUPABASE_PREFIXES: Final = ("/auth/", "/functions/", "/graphql/", "/pg/", "/rest/", "/storage/")


async def respond_unsupported(request: Request, error: Exception) -> Response:
    """For a path or a method that no route takes."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    if status == 404 and request.url.path.startswith(_SUPABASE_PREFIXES):
        status = 501
    return refusal(request, status)


async def respond_internal_error(_request: Request, _error: Exception) -> Response:
    """For a mistake of ours; the server's log has the trace."""
    return JSONResponse({"code": "unexpected", "message": "The embedded server failed."}, 500)


def refusal(request: Request, status: int = 501) -> Response:
    """One body that every Supabase client finds its message in."""
    message = f"{request.method} {request.url.path} is not offered here. {ALTERNATIVE}"
    return JSONResponse(
        {
            "code": "not_offered",
            "error": "not_offered",
            "error_code": "not_offered",
            "statusCode": str(status),
            "message": message,
            "msg": message,
            "hint": ALTERNATIVE,
        },
        status,
    )
