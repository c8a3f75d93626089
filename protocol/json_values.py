"""JSON and numbers of a person that every program can read. SQL: `cogo.json_problem`."""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, JsonValue

MAX_DEPTH: Final = 100

_NO_OBJECT: Final = ("model_type", "model_attributes_type", "dataclass_type", "dict_type")

TOO_DEEP: Final = f"is nested more than {MAX_DEPTH} levels deep"
TOO_LARGE_A_NUMBER: Final = "holds a number beyond 1.8e308"


def json_problem(value: JsonValue) -> str | None:
    """Return why not every program can read `value`, as the end of a sentence, or None."""
    # Level by level and not by recursion, which has an end of its own.
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
            elif not isinstance(each, str | bool | None) and number_of(each) is None:
                return TOO_LARGE_A_NUMBER
        if not inner:
            return None
        level = inner
    return TOO_DEEP


def number_of(value: object) -> float | None:
    """Return a number as a float; None for what is no number, or none that a float holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond the largest float
        return None
    return number if math.isfinite(number) else None


def count_of(text: str, *, most: int) -> int | None:
    """Return the whole number from 0 to `most` that ASCII digits spell, or None."""
    # Not before its length is known: Python refuses to parse more than 4,300 digits.
    if not (text.isascii() and text.isdecimal() and len(text.lstrip("0")) <= len(str(most))):
        return None
    count = int(text.lstrip("0") or "0")
    return count if count <= most else None


def parse_json(text: str) -> JsonValue:
    """Parse what a person wrote. Raises ValueError with a sentence that says what is wrong."""
    try:
        value: JsonValue = json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # an integer of more than 4,300 digits
        raise ValueError(f"it {TOO_LARGE_A_NUMBER}") from error
    except RecursionError as error:
        raise ValueError(f"it {TOO_DEEP}") from error
    if problem := json_problem(value):
        raise ValueError(f"it {problem}")
    return value


def _readable(value: dict[str, Any]) -> dict[str, Any]:
    if problem := json_problem(value):
        raise ValueError(f"it {problem}")
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_readable)]
"""An object that a person wrote."""


def explain_mistake(mistake: Mapping[str, Any]) -> str:
    """Return what one of `ValidationError.errors()` says, without names of classes."""
    if mistake["type"] in _NO_OBJECT:
        return "it must be a JSON object"
    return str(mistake["msg"]).removeprefix("Value error, ")
