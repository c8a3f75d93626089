"""Errors as clients see them: problem+json (RFC 9457), or the shape that their API promises.

https://www.rfc-editor.org/rfc/rfc9457. Paths below /v1 answer as OpenAI does, below /api with the
envelope `{"success": false, "error": ...}`.
"""

from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from protocol.errors import (
    CogoError,
    InvalidArgument,
    MoveNotAllowed,
    NotFound,
    NotGranted,
    OutOfRange,
    StoreUnavailable,
    TooLarge,
)

_STATUS: Final[Mapping[type[CogoError], int]] = {
    NotFound: 404,
    MoveNotAllowed: 409,
    InvalidArgument: 400,
    NotGranted: 403,
    TooLarge: 413,
    OutOfRange: 422,
    StoreUnavailable: 503,
}
_TITLES: Final[Mapping[int, str]] = {
    400: "The request is not valid",
    401: "Who asks is not known",
    402: "The money does not suffice",
    403: "This is not allowed",
    404: "There is no such thing",
    405: "The method is not allowed here",
    408: "The request came too slowly",
    409: "The state does not allow this",
    413: "The request is too large",
    422: "The request is not valid",
    429: "Too many requests",
    502: "The task failed",
    503: "The service is not available now",
    504: "The answer took too long",
}
_OPENAI_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    429: "rate_limit_error",
}


class Problem(HTTPException):
    """An answer that is an error. `hint` says what to do.

    An HTTPException, since FastAPI lets only those pass through its reading of a body.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code
        self.hint = hint
        self.extra = dict(extra or {})

    def body(self) -> dict[str, Any]:
        """Give the members of problem+json."""
        body = {
            "type": f"urn:cogo:problem:{self.code}",
            "title": _TITLES.get(self.status_code, "The request failed"),
            "status": self.status_code,
            "detail": self.detail,
            "code": self.code,
        }
        return body | ({"hint": self.hint} if self.hint else {}) | self.extra


def problem_of(error: CogoError) -> Problem:
    """Translate an error of the database's side.

    A secret key that is refused, or migrations that are missing, are our own: 503, not 401.
    """
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 503)
    headers = {"Retry-After": "2"} if error.retryable else {}
    return Problem(status, error.code, error.message, hint=error.hint, headers=headers)


def render(problem: Problem, path: str) -> JSONResponse:
    """Give the answer in the shape that callers of `path` expect."""
    if path.startswith("/v1/"):
        return JSONResponse(openai_error(problem), problem.status_code, problem.headers)
    if path.startswith("/api/"):
        body = {"success": False, "error": sentence(problem), "code": problem.code} | problem.extra
        return JSONResponse(body, problem.status_code, problem.headers)
    return JSONResponse(
        problem.body(), problem.status_code, problem.headers, media_type="application/problem+json"
    )


def openai_error(problem: Problem) -> dict[str, Any]:
    """Return the error in the shape that OpenAI gives it, in an answer and in a stream."""
    kind = "server_error" if problem.status_code >= 500 else "invalid_request_error"
    error = {
        "message": sentence(problem),
        "type": _OPENAI_TYPES.get(problem.status_code, kind),
        "param": problem.extra.get("param"),
        "code": problem.code,
    }
    return {"error": error}


def sentence(problem: Problem) -> str:
    """Say what is wrong and what to do, where there is room for one text only."""
    return f"{problem.detail} ({problem.hint})" if problem.hint else problem.detail
