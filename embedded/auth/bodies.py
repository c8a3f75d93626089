"""Requests of the Auth API, read strictly: what has the wrong shape is refused by name."""

import json
import re
from datetime import timedelta
from typing import Any, Final

from starlette.requests import Request

from embedded.auth.errors import AuthError, validation_failed

_LARGEST_NUMBER: Final = 1_000_000
_LONGEST: Final = timedelta(days=36500)
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)", re.ASCII)
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


async def read_body(request: Request) -> dict[str, Any]:
    """The body, a JSON object; an empty body is an empty object. Raises AuthError."""
    try:
        body = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError) as error:
        raise AuthError(400, "bad_json", "Could not parse request body as JSON") from error
    if not isinstance(body, dict):
        raise AuthError(400, "bad_json", "Could not parse request body as JSON: not an object")
    return body


def require_text(body: dict[str, Any], name: str) -> str:
    """A field that must be there, and text. Raises AuthError."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise validation_failed(f"{name} is required and must be text")
    return value


def get_text(body: dict[str, Any], name: str) -> str | None:
    """A field that may be missing, null or empty. Raises AuthError when it is something else."""
    return require_text(body, name) if body.get(name) not in (None, "") else None


def get_mapping(body: dict[str, Any], name: str) -> dict[str, Any]:
    """A field that may be missing or null, else an object. Raises AuthError."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise validation_failed(f"{name} must be an object")
    return value


def get_duration(body: dict[str, Any], name: str) -> timedelta | None:
    """A length of time as Go writes it (`1h30m`), `none` for no time; None when it is missing."""
    value = get_text(body, name)
    if value is None:
        return None
    if value == "none":
        return timedelta(0)
    parts = _PART.findall(value)
    if "".join(number + unit for number, unit in parts) != value:
        raise validation_failed(f'{name} must be like "24h" or "1h30m", or "none"')
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return timedelta(seconds=min(seconds, _LONGEST.total_seconds()))


def get_query_number(request: Request, name: str, default: int) -> int:
    """A positive number from the query. Raises AuthError."""
    text = request.query_params.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < _LARGEST_NUMBER:
        raise validation_failed(f"{name} must be a positive number")
    return int(text)
