"""The body of a request: read, checked, and handed to Postgres as the text that came."""

import json
from dataclasses import dataclass
from typing import Any

from embedded.rest.errors import bad_body


@dataclass(frozen=True, slots=True)
class Payload:
    """A JSON body."""

    text: str
    keys: tuple[str, ...]
    """The keys of the object, or of every object of the array."""
    is_array: bool
    is_object: bool
    is_empty: bool = False
    """An array without elements."""

    @property
    def as_array(self) -> str:
        """The body as a JSON array of objects."""
        return self.text if self.is_array else f"[{self.text}]"


def parse_payload(content_type: str | None, body: bytes, *, columns: bool = False) -> Payload:
    """Read a JSON body.

    With `columns` the objects of an array may have different keys. Raises PGRST102.
    """
    kind = (content_type or "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise bad_body(f"Content-Type not acceptable: {kind}")
    try:
        text = body.decode()
        # Postgres reads the numbers; here they could only be too long for an int.
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise bad_body() from None
    if isinstance(value, dict):
        return Payload(text, tuple(value), is_array=False, is_object=True)
    if not isinstance(value, list):
        return Payload(text, (), is_array=False, is_object=False)
    return _array(text, value, columns=columns)


def _array(text: str, rows: list[Any], *, columns: bool) -> Payload:
    if not all(isinstance(row, dict) for row in rows):
        return Payload(text, (), is_array=True, is_object=False)
    first = rows[0].keys() if rows else ()
    if not columns and any(row.keys() != first for row in rows):
        raise bad_body("All object keys must match")
    return Payload(text, tuple(first), is_array=True, is_object=True, is_empty=not rows)


def _refuse(constant: str) -> None:
    raise ValueError(constant)
