"""Defensive reading of JSON from vendors: documents, texts and token counts."""

import json
import math
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from providers.errors import MalformedResponse

MAX_TOKENS: Final = 100_000_000
"""Larger counts in one call are vendors' mistakes; this also fits every column that stores it."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NUMBER: Final = re.compile(r"\d{1,12}(?:\.\d{1,6})?")
_MAX_DEPTH: Final = 4
_MAX_ITEMS: Final = 100
_MAX_TEXT: Final = 200
_MAX_INTEGER: Final = 2**63


def decode_json(vendor: str, data: bytes) -> Any:
    """Return the decoded value; a byte order mark is skipped.

    Raises:
        MalformedResponse: it is not valid JSON.
    """
    try:
        # For bytes, json would first guess the encoding.
        return _DECODER.decode(data.removeprefix(_BYTE_ORDER_MARK).decode())
    except UnicodeDecodeError as error:
        raise MalformedResponse(vendor, "the answer is not valid UTF-8") from error
    except ValueError as error:
        raise MalformedResponse(vendor, "the answer is not valid JSON") from error
    except RecursionError as error:
        raise MalformedResponse(vendor, "the answer is nested too deeply") from error


def parse_object(text: str) -> dict[str, Any]:
    """Parse a JSON object; return an empty one for any other text."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def get_text(holder: Mapping[str, Any], name: str) -> str | None:
    """Return the text of a field, or None if it has another type."""
    value = holder.get(name)
    return value if isinstance(value, str) else None


def get_mapping(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object of a field, or an empty one if it has another type."""
    value = holder.get(name)
    return value if isinstance(value, Mapping) else {}


def get_count(raw: Mapping[str, Any], name: str, *, absent: int | None = None) -> int | None:
    """Return the count of a field, `absent` if it is missing, None if it is not a count.

    Text ("12") and floating point numbers are accepted; negative and very large ones are not.
    """
    value = raw.get(name)
    if value is None:
        return absent
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= MAX_TOKENS:  # NaN compares false
        return None
    return round(value)


def limit_part(part: int | None, whole: int | None) -> int | None:
    """Return a part, at most the whole; either may be unknown."""
    return part if part is None or whole is None else min(part, whole)


def merge_counts(known: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counts after an update, whose numbers, but not zeros, replace earlier ones.

    Some vendors count the prompt at the start and send zeros at the end. The result can be stored
    as JSON anywhere: its numbers are finite, and its depth and lengths are limited.
    """
    return _merge(known, _to_storable(update, _MAX_DEPTH))


def _merge(known: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(known)
    for name, value in update.items():
        before = known.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            result[name] = _merge(before, value)
        elif not before or (value and value != "0"):
            result[name] = value
    return result


def _to_storable(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        items = islice(value.items(), _MAX_ITEMS if depth else 0)
        return {name[:_MAX_TEXT]: _to_storable(each, depth - 1) for name, each in items}
    if isinstance(value, list):
        return [_to_storable(each, depth - 1) for each in value[: _MAX_ITEMS if depth else 0]]
    if isinstance(value, str):
        return value[:_MAX_TEXT]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        return None
    return value


def _refuse_constant(constant: str) -> None:
    """Raise ValueError for NaN and Infinity, which only Python accepts."""
    raise ValueError(f"{constant} is not a number")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
