"""Errors of the Auth API, with the codes that its clients know."""

import re
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

API_VERSION: Final = {"X-Supabase-Api-Version": "2024-01-01"}
"""Tells clients that errors have their name in `code`."""

_VERSION: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class AuthError(Exception):
    """An error response with this status, code and message."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details

    def build_response(self, request: Request) -> Response:
        """Build the response in the format of the API version that the client requests."""
        headers = {"X-Sb-Error-Code": self.code}
        version = request.headers.get("x-supabase-api-version", "")
        if _VERSION.fullmatch(version) and version >= API_VERSION["X-Supabase-Api-Version"]:
            body = {"code": self.code, "message": str(self), **self.details}
            return JSONResponse(body, self.status, headers=headers | API_VERSION)
        body = {"code": self.status, "error_code": self.code, "msg": str(self), **self.details}
        return JSONResponse(body, self.status, headers=headers)


def invalid_credentials() -> AuthError:
    """Return the same error for an unknown e-mail and a wrong password."""
    return AuthError(400, "invalid_credentials", "Invalid login credentials")


def user_not_found() -> AuthError:
    """Return the error for an unknown account."""
    return AuthError(404, "user_not_found", "User not found")


def validation_failed(message: str) -> AuthError:
    """Return the error for an invalid body or parameter."""
    return AuthError(400, "validation_failed", message)


def weak_password(minimum_length: int) -> AuthError:
    """Return the error for a short password, with the reasons that clients show."""
    message = f"Password should be at least {minimum_length} characters."
    return AuthError(422, "weak_password", message, weak_password={"reasons": ["length"]})
