"""JSON values that every program can read and Postgres can store. SQL: `cogo.json_problem`."""

import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, JsonValue, ValidationError
from pydantic_core import to_json

from protocol.errors import OutOfRange

MAX_DEPTH: Final = 100

_MAX_PART: Final = 100
"""Characters of a name that a message repeats."""
_NOT_OBJECT: Final = ("model_type", "model_attributes_type", "dataclass_type", "dict_type")

TOO_DEEP: Final = f"is nested more than {MAX_DEPTH} levels deep"
TOO_LARGE_A_NUMBER: Final = "holds a number beyond 1.8e308"

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
"""NUL, which Postgres cannot store in text, and lone surrogates, which UTF-8 cannot encode."""
_SUSPICIOUS: Final = (b"\\u0000", b"NaN", b"Infinity")
"""A serialized value without any of these can be stored as it is."""


def find_json_problem(value: JsonValue) -> str | None:
    """Return why some programs cannot read `value`, as the end of a sentence, or None."""
    # Level by level instead of recursively: the recursion limit may be lower than MAX_DEPTH needs.
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
            elif not isinstance(each, str | bool | None) and to_finite_float(each) is None:
                return TOO_LARGE_A_NUMBER
        if not inner:
            return None
        level = inner
    return TOO_DEEP


def to_finite_float(value: object) -> float | None:
    """Return a number as a float, or None if it is not a number or too large for a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond the largest float
        return None
    return number if math.isfinite(number) else None


def parse_count(text: str, *, most: int) -> int | None:
    """Parse an integer from 0 to `most`, in ASCII digits. Return None for any other text."""
    # The length is checked first: Python refuses to parse more than 4,300 digits.
    if not (text.isascii() and text.isdecimal() and len(text.lstrip("0")) <= len(str(most))):
        return None
    count = int(text.lstrip("0") or "0")
    return count if count <= most else None


def parse_json(text: str) -> JsonValue:
    """Parse JSON from a user. Raise ValueError, with an explanation, if it is not valid."""
    try:
        value: JsonValue = json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # an integer of more than 4,300 digits
        raise ValueError(f"it {TOO_LARGE_A_NUMBER}") from error
    except RecursionError as error:
        raise ValueError(f"it {TOO_DEEP}") from error
    if problem := find_json_problem(value):
        raise ValueError(f"it {problem}")
    return value


def _check_readable(value: dict[str, Any]) -> dict[str, Any]:
    if problem := find_json_problem(value):
        raise ValueError(f"it {problem}")
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_check_readable)]
"""A JSON object from a user."""


def explain_mistake(mistake: Mapping[str, Any]) -> str:
    """Return the message of one of `ValidationError.errors()`, without names of classes."""
    if mistake["type"] in _NOT_OBJECT:
        return "it must be a JSON object"
    return str(mistake["msg"]).removeprefix("Value error, ")


def explain_first_mistake(error: ValidationError, *place: str) -> str:
    """Return where pydantic has found the first mistake, below `place`, and what it is."""
    first = error.errors(include_url=False, include_input=False)[0]
    path = ".".join([*place, *(str(part)[:_MAX_PART] for part in first["loc"])])
    message = explain_mistake(first)
    return f"{path}: {message}" if path else message


def make_storable(value: JsonValue, *, name: str = "it") -> JsonValue:
    """Replace unstorable characters with U+FFFD, in all strings and keys of a JSON value.

    Raise OutOfRange, which calls the value `name`, for numbers such as Infinity and for values
    that are nested too deeply.
    """
    if _is_storable(value):
        return value
    if problem := find_json_problem(value):
        raise OutOfRange(f"{name} {problem}")
    return _replace_unstorable(value)


def _is_storable(value: JsonValue) -> bool:
    # A selection record has thousands of strings and is sent for every task; this scan is in Rust.
    try:
        text = to_json(value)
        return not any(sign in text for sign in _SUSPICIOUS)
    except ValueError:  # a lone surrogate, or nested too deeply for the serializer
        return False


def _replace_unstorable(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return _UNSTORABLE.sub("\ufffd", value)
        case list():
            return [_replace_unstorable(each) for each in value]
        case dict():
            return {
                _UNSTORABLE.sub("\ufffd", key): _replace_unstorable(each)
                for key, each in value.items()
            }
        case _:
            return value


def repair_surrogates(text: str) -> str:
    """Return text that UTF-8 can encode: pairs are joined, lone surrogates become U+FFFD.

    Some vendors split an emoji into two chunks, and JSON allows the halves.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
