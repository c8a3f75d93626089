"""PostgREST's error responses, and the checks of what SQL may set in a response.

Source: https://docs.postgrest.org/en/stable/references/errors.html
"""

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

import asyncpg

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
_SIMILARITY: Final = 0.75
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_FRAMING_HEADERS: Final = frozenset({"connection", "content-length", "transfer-encoding"})


class ApiError(Exception):
    """An error with its status, body and headers."""

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
        """The headers of the response."""
        headers = {**self.extra_headers}
        if is_header_field("Proxy-Status", self.code):
            headers["Proxy-Status"] = f"PostgREST; error={self.code}"
        if self.status == 401:
            headers.setdefault("WWW-Authenticate", "Bearer")
        return headers


class CacheMissError(ApiError):
    """A name is missing in the schema cache, which is reloaded once before the error is sent."""


def bad_request(subject: str, text: str, position: int, details: str) -> ApiError:
    """Return PGRST100: `text`, a query parameter of the kind `subject`, does not parse."""
    where = f"(line 1, column {position + 1})"
    return ApiError(
        400, "PGRST100", f'"failed to parse {subject} ({text})" {where}', details=details
    )


def bad_body(message: str = "Empty or invalid json") -> ApiError:
    """Return PGRST102: the body is invalid."""
    return ApiError(400, "PGRST102", message)


def bad_range(details: str) -> ApiError:
    """Return PGRST103: the requested rows do not exist."""
    return ApiError(416, "PGRST103", "Requested range not satisfiable", details=details)


def not_single(count: int) -> ApiError:
    """Return PGRST116: one row was requested and `count` were found."""
    return ApiError(
        406,
        "PGRST116",
        "Cannot coerce the result to a single JSON object",
        details=f"The result contains {count} rows",
    )


def put_mismatch() -> ApiError:
    """Return PGRST115: the body of a PUT is not the row of its URL."""
    return ApiError(400, "PGRST115", "Payload values do not match URL in primary key column(s)")


def unknown_table(name: str, known: Iterable[str] = ()) -> CacheMissError:
    """Return PGRST205: an unknown table or view, with a hint at the most similar of `known`."""
    alike = get_close_matches(name, known, n=1, cutoff=_SIMILARITY)
    return CacheMissError(
        404,
        "PGRST205",
        f"Could not find the table 'public.{name}' in the schema cache",
        hint=f"Perhaps you meant the table 'public.{alike[0]}'" if alike else None,
    )


def unknown_column(relation: str, name: str) -> CacheMissError:
    """Return 42703, the error of Postgres for an unknown column that is read."""
    return CacheMissError(400, "42703", f"column {relation}.{name} does not exist")


def unwritable_column(relation: str, name: str) -> CacheMissError:
    """Return PGRST204: a column that is written does not exist."""
    return CacheMissError(
        400, "PGRST204", f"Could not find the '{name}' column of '{relation}' in the schema cache"
    )


def translate_postgres_error(error: asyncpg.PostgresError, *, anonymous: bool) -> ApiError:
    """Translate an error of the database.

    A missing privilege gets 401 if `anonymous`, otherwise 403.
    """
    code, message, details, hint = error.sqlstate, error.message, error.detail, error.hint
    if code == "PGRST":
        return _translate_raised_json(message, details)
    return ApiError(
        _choose_status(code, message, anonymous=anonymous),
        code,
        message,
        details=details,
        hint=hint,
    )


def _choose_status(code: str, message: str, *, anonymous: bool) -> int:
    if custom := re.fullmatch(r"PT([2-5][0-9]{2})", code):
        return int(custom[1])
    if code == "42501":
        return 401 if anonymous else 403
    if code == "21000":
        return 400 if message.endswith("requires a WHERE clause") else 500
    if code == "22023" and message.startswith("role ") and message.endswith("does not exist"):
        return 401
    return _SQLSTATE_STATUS.get(code) or _CLASS_STATUS.get(code[:2], 400)


def _translate_raised_json(message: str, detail: str | None) -> ApiError:
    """Translate `raise sqlstate 'PGRST'`: message is the body, detail status and headers."""
    try:
        body: dict[str, Any] = json.loads(message)
        code, text = str(body["code"]), str(body["message"])
    except (ValueError, KeyError, TypeError):
        return _invalid_raise_error(
            f"Invalid JSON value for MESSAGE: '{message}'",
            "MESSAGE must be a JSON object with obligatory keys: 'code', 'message'"
            " and optional keys: 'details', 'hint'.",
        )
    try:
        status, headers = _parse_frame(detail or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        problem = f"Invalid JSON value for DETAIL: '{detail}'"
        return _invalid_raise_error(
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


def _invalid_raise_error(details: str, hint: str) -> ApiError:
    return ApiError(
        500,
        "PGRST121",
        "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error",
        details=details,
        hint=hint,
    )


def is_header_field(name: str, value: str) -> bool:
    """Return whether a header can be sent: without line breaks, and not about framing."""
    return (
        _HEADER_NAME.fullmatch(name) is not None
        and _HEADER_VALUE.fullmatch(value) is not None
        and name.lower() not in _FRAMING_HEADERS
    )


def is_final_status(status: int) -> bool:
    """Return whether a status is final."""
    return 200 <= status <= 599


def may_have_body(status: int) -> bool:
    """Return whether a response with this status may have a body."""
    return status not in {204, 304}
