"""Error responses: problem+json (https://www.rfc-editor.org/rfc/rfc9457) for most paths.

Paths below /v1 have OpenAI's errors, those below /api the envelope
`{"success": false, "error": ...}`.
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

OPENAI_PATHS: Final = "/v1/"
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
    401: "Authentication is required",
    402: "The budget is exhausted",
    403: "This is not allowed",
    404: "Not found",
    405: "The method is not allowed",
    408: "The request took too long to arrive",
    409: "The state does not allow this",
    413: "The request is too large",
    422: "The request is not valid",
    429: "Too many requests",
    502: "The task failed",
    503: "The service is unavailable",
    504: "The answer took too long",
}
_OPENAI_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    429: "rate_limit_error",
}


class Problem(HTTPException):
    """An error response. `hint` says what to do.

    It is an HTTPException, since FastAPI propagates only those while it reads a body.
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
        """Return the members of problem+json."""
        body = {
            "type": f"urn:cogo:problem:{self.code}",
            "title": _TITLES.get(self.status_code, "The request failed"),
            "status": self.status_code,
            "detail": self.detail,
            "code": self.code,
        }
        return body | ({"hint": self.hint} if self.hint else {}) | self.extra


def to_problem(error: Problem | CogoError) -> Problem:
    """Return the problem for an error of the store.

    A refused secret key or a missing migration is the gateway's fault: 503, not 401.
    """
    if isinstance(error, Problem):
        return error
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 503)
    headers = {"Retry-After": "2"} if error.retryable else {}
    return Problem(status, error.code, error.message, hint=error.hint, headers=headers)


def build_problem_response(problem: Problem, path: str) -> JSONResponse:
    """Build the response in the format that clients of `path` expect."""
    if path.startswith(OPENAI_PATHS):
        headers = dict(problem.headers or {})
        if problem.status_code == 409:
            headers.setdefault("x-should-retry", "false")  # OpenAI's clients would ask again
        return JSONResponse(build_openai_error(problem), problem.status_code, headers)
    if path.startswith("/api/"):
        body = {
            "success": False,
            "error": format_sentence(problem),
            "code": problem.code,
        } | problem.extra
        return JSONResponse(body, problem.status_code, problem.headers)
    return JSONResponse(
        problem.body(), problem.status_code, problem.headers, media_type="application/problem+json"
    )


def build_openai_error(problem: Problem) -> dict[str, Any]:
    """Build an error in OpenAI's format, for a response or a stream."""
    kind = "server_error" if problem.status_code >= 500 else "invalid_request_error"
    error = {
        "message": format_sentence(problem),
        "type": _OPENAI_TYPES.get(problem.status_code, kind),
        "param": problem.extra.get("param"),
        "code": problem.code,
    }
    return {"error": error}


def format_sentence(problem: Problem) -> str:
    """Return detail and hint as one text."""
    return f"{problem.detail} ({problem.hint})" if problem.hint else problem.detail
