"""Strict parsing of requests to the Auth API; errors name the invalid field."""

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
    """Return the body, a JSON object or empty; raise `AuthError`."""
    try:
        body = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError) as error:
        raise AuthError(400, "bad_json", "Could not parse request body as JSON") from error
    if not isinstance(body, dict):
        raise AuthError(400, "bad_json", "Could not parse request body as JSON: not an object")
    return body


def read_required_text(body: dict[str, Any], name: str) -> str:
    """Return a required text field; raise `AuthError`."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise validation_failed(f"{name} is required and must be text")
    return value


def read_text(body: dict[str, Any], name: str) -> str | None:
    """Return an optional text field, None if missing or empty; raise `AuthError`."""
    return read_required_text(body, name) if body.get(name) not in (None, "") else None


def read_mapping(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an optional object field, empty if missing; raise `AuthError`."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise validation_failed(f"{name} must be an object")
    return value


def read_duration(body: dict[str, Any], name: str) -> timedelta | None:
    """Return a duration in Go's notation (`1h30m`), zero for `none`; None if missing."""
    value = read_text(body, name)
    if value is None:
        return None
    if value == "none":
        return timedelta(0)
    parts = _PART.findall(value)
    if "".join(number + unit for number, unit in parts) != value:
        raise validation_failed(f'{name} must be like "24h" or "1h30m", or "none"')
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return timedelta(seconds=min(seconds, _LONGEST.total_seconds()))


def read_query_number(request: Request, name: str, default: int) -> int:
    """Return a positive number from the query string; raise `AuthError`."""
    text = request.query_params.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < _LARGEST_NUMBER:
        raise validation_failed(f"{name} must be a positive number")
    return int(text)
