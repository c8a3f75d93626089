"""What a refused request answers: PostgREST's codes, statuses and bodies.

Source: https://docs.postgrest.org/en/stable/references/errors.html
"""

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

import asyncpg

from embedded.rest.request.header_field import is_final_status, is_header_field

_SQLSTATE_STATUS: Final[Mapping[str, int]] = {
    "23503": 409,
    "23505": 409,
    "25006": 405,
    "42883": 404,
    "42P01": 404,
    "42P17": 500,
    "53400": 500,
    "57P01": 503,
    "P0001": 400,
}
_CLASS_STATUS: Final[Mapping[str, int]] = {
    "08": 503,
    "53": 503,
    "0L": 403,
    "0P": 403,
    "28": 403,
    **dict.fromkeys(
        ("09", "25", "2D", "38", "39", "3B", "40", "54", "55", "57", "58", "F0", "HV", "XX", "P0"),
        500,
    ),
}


_ALIKE: Final = 0.75


class ApiError(Exception):
    """A refusal that is ready to be sent."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: object = None,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body: dict[str, object] = {
            "code": code,
            "message": message,
            "details": details,
            "hint": hint,
        }
        self.extra_headers: Mapping[str, str] = headers or {}

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with the body."""
        headers = {**self.extra_headers}
        if is_header_field("Proxy-Status", self.code):
            headers["Proxy-Status"] = f"PostgREST; error={self.code}"
        if self.status == 401:
            headers.setdefault("WWW-Authenticate", "Bearer")
        return headers


class CacheMissError(ApiError):
    """A name that the schema cache lacks; worth one reload before it is sent."""


def bad_request(subject: str, text: str, position: int, details: str) -> ApiError:
    """PGRST100: `text`, a query parameter of the kind `subject`, does not parse."""
    where = f"(line 1, column {position + 1})"
    return ApiError(
        400, "PGRST100", f'"failed to parse {subject} ({text})" {where}', details=details
    )


def bad_body(message: str = "Empty or invalid json") -> ApiError:
    """PGRST102: the body cannot be read."""
    return ApiError(400, "PGRST102", message)


def bad_range(details: str) -> ApiError:
    """PGRST103: the rows asked for do not exist."""
    return ApiError(416, "PGRST103", "Requested range not satisfiable", details=details)


def not_single(count: int) -> ApiError:
    """PGRST116: one row was asked for and `count` came."""
    return ApiError(
        406,
        "PGRST116",
        "Cannot coerce the result to a single JSON object",
        details=f"The result contains {count} rows",
    )


def put_mismatch() -> ApiError:
    """PGRST115: a PUT whose body is not the one row that its URL names."""
    return ApiError(400, "PGRST115", "Payload values do not match URL in primary key column(s)")


def unknown_table(name: str, known: Iterable[str] = ()) -> CacheMissError:
    """PGRST205: no such table or view in the exposed schema; hints at the most alike of `known`."""
    alike = get_close_matches(name, known, n=1, cutoff=_ALIKE)
    return CacheMissError(
        404,
        "PGRST205",
        f"Could not find the table 'public.{name}' in the schema cache",
        hint=f"Perhaps you meant the table 'public.{alike[0]}'" if alike else None,
    )


def unknown_column(relation: str, name: str) -> CacheMissError:
    """42703, as Postgres itself says it for a column that is read."""
    return CacheMissError(400, "42703", f"column {relation}.{name} does not exist")


def unwritable_column(relation: str, name: str) -> CacheMissError:
    """PGRST204: a column that is written does not exist."""
    return CacheMissError(
        400, "PGRST204", f"Could not find the '{name}' column of '{relation}' in the schema cache"
    )


def from_postgres(error: asyncpg.PostgresError, *, anonymous: bool) -> ApiError:
    """Translate what the database raised.

    `anonymous` tells 401 from 403 when a privilege is missing.
    """
    code, message, details, hint = error.sqlstate, error.message, error.detail, error.hint
    if code == "PGRST":
        return _raised_as_json(message, details)
    return ApiError(
        _status(code, message, anonymous=anonymous), code, message, details=details, hint=hint
    )


def _status(code: str, message: str, *, anonymous: bool) -> int:
    if custom := re.fullmatch(r"PT([2-5][0-9]{2})", code):
        return int(custom[1])
    if code == "42501":
        return 401 if anonymous else 403
    if code == "21000":
        return 400 if message.endswith("requires a WHERE clause") else 500
    if code == "22023" and message.startswith("role ") and message.endswith("does not exist"):
        return 401
    return _SQLSTATE_STATUS.get(code) or _CLASS_STATUS.get(code[:2], 400)


def _raised_as_json(message: str, detail: str | None) -> ApiError:
    """`raise sqlstate 'PGRST'`: the message is the body, the detail status and headers."""
    try:
        body: dict[str, Any] = json.loads(message)
        code, text = str(body["code"]), str(body["message"])
    except (ValueError, KeyError, TypeError):
        return _unreadable(
            f"Invalid JSON value for MESSAGE: '{message}'",
            "MESSAGE must be a JSON object with obligatory keys: 'code', 'message'"
            " and optional keys: 'details', 'hint'.",
        )
    try:
        status, headers = _parse_frame(detail or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        problem = f"Invalid JSON value for DETAIL: '{detail}'"
        return _unreadable(
            problem if detail else "DETAIL is missing in the RAISE statement",
            "DETAIL must be a JSON object with obligatory keys: 'status', 'headers'"
            " and optional key: 'status_text'.",
        )
    return ApiError(
        status, code, text, details=body.get("details"), hint=body.get("hint"), headers=headers
    )


def _parse_frame(detail: str) -> tuple[int, dict[str, str]]:
    frame: dict[str, Any] = json.loads(detail)
    status = int(frame["status"])
    headers = {str(name): str(value) for name, value in frame.get("headers", {}).items()}
    fields = all(is_header_field(name, value) for name, value in headers.items())
    if not fields or not is_final_status(status):
        raise ValueError(detail)
    return status, headers


def _unreadable(details: str, hint: str) -> ApiError:
    return ApiError(
        500,
        "PGRST121",
        "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error",
        details=details,
        hint=hint,
    )
