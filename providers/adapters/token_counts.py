"""What vendors count: numbers, numbers as text, or nothing that can be believed."""

import math
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

__all__ = ["MOST_TOKENS", "at_most", "count", "details", "merged"]

MOST_TOKENS: Final = 100_000_000
"""More in one call is a mistake of who counted; it also fits every column that keeps it."""

_NUMBER: Final = re.compile(r"\d{1,12}(?:\.\d{1,6})?")
_DEPTH: Final = 4
_WIDTH: Final = 100
_LONGEST_TEXT: Final = 200
_LARGEST: Final = 2**63


def count(raw: Mapping[str, Any], name: str, *, absent: int | None = None) -> int | None:
    """Return the count of this name, `absent` where there is none, None for one that is no count.

    Text ("12") and floating point numbers are read; negative and absurd ones are unknown.
    """
    value = raw.get(name)
    if value is None:
        return absent
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= MOST_TOKENS:  # NaN compares false
        return None
    return round(value)


def details(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the counts below this name, or none."""
    value = raw.get(name)
    return value if isinstance(value, Mapping) else {}


def at_most(part: int | None, whole: int | None) -> int | None:
    """Return a part, which is never more than the whole; either may be unknown."""
    return part if part is None or whole is None else min(part, whole)


def merged(known: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known after a vendor counted again: later numbers win, but zeros do not.

    Some vendors count the prompt at the start and send zeros at the end. What is kept can be stored
    as JSON anywhere: it is finite, and neither deep nor long.
    """
    return _merged(known, _storable(said, _DEPTH))


def _merged(known: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(known)
    for name, value in said.items():
        before = known.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            result[name] = _merged(before, value)
        elif not before or (value and value != "0"):
            result[name] = value
    return result


def _storable(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        items = islice(value.items(), _WIDTH if depth else 0)
        return {name[:_LONGEST_TEXT]: _storable(each, depth - 1) for name, each in items}
    if isinstance(value, list):
        return [_storable(each, depth - 1) for each in value[: _WIDTH if depth else 0]]
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and abs(value) > _LARGEST:
        return None
    return value
