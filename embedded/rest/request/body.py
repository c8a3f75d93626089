"""The body of a request, which is checked and passed to Postgres as text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from embedded.rest.errors import bad_body

_JSON: Final = "application/json"
_RAW: Final[Mapping[str, str]] = {
    "text/plain": "text",
    "text/xml": "xml",
    "application/octet-stream": "bytea",
}
"""Content types of bodies that are the single argument of a function, and its type."""


@dataclass(frozen=True, slots=True)
class RequestBody:
    """A parsed body."""

    text: str
    keys: tuple[str, ...]
    """The keys of the object, or of every object of the array."""
    is_array: bool
    is_object: bool
    is_empty: bool = False
    """Whether it is an array without elements."""
    raw_type: str | None = None
    """The type of a body that is not JSON: text, xml or bytea."""

    @property
    def as_array(self) -> str:
        """The body as a JSON array of objects."""
        return self.text if self.is_array else f"[{self.text}]"


def parse_call_body(content_type: str | None, body: bytes) -> RequestBody:
    """Parse the body of a call: JSON, or a single argument. Raise PGRST102."""
    raw_type = _RAW.get(_parse_media_type(content_type))
    if raw_type is None:
        return parse_body(content_type, body or b"{}")
    # In the notation of Postgres, since parameters are bound as text.
    text = f"\\x{body.hex()}" if raw_type == "bytea" else _decode(body)
    return RequestBody(text, (), is_array=False, is_object=False, raw_type=raw_type)


def parse_body(content_type: str | None, body: bytes, *, columns: bool = False) -> RequestBody:
    """Parse a JSON body; raise PGRST102.

    With `columns` the objects of an array may have different keys.
    """
    kind = _parse_media_type(content_type)
    if kind != _JSON:
        raise bad_body(f"Content-Type not acceptable: {kind}")
    text = _decode(body)
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise bad_body() from None
    if isinstance(value, dict):
        return RequestBody(text, tuple(value), is_array=False, is_object=True)
    if not isinstance(value, list):
        return RequestBody(text, (), is_array=False, is_object=False)
    return _parse_array(text, value, columns=columns)


def _parse_array(text: str, rows: list[Any], *, columns: bool) -> RequestBody:
    if not all(isinstance(row, dict) for row in rows):
        return RequestBody(text, (), is_array=True, is_object=False)
    first = rows[0].keys() if rows else ()
    if not columns and any(row.keys() != first for row in rows):
        raise bad_body("All object keys must match")
    return RequestBody(text, tuple(first), is_array=True, is_object=True, is_empty=not rows)


def _parse_media_type(content_type: str | None) -> str:
    return (content_type or _JSON).partition(";")[0].strip().lower()


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise bad_body() from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


# Postgres parses the numbers; here they might be too long for an int.
_DECODER: Final = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse)
