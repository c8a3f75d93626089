"""Values that Postgres and JSON can hold."""

import re

from pydantic import JsonValue
from pydantic_core import to_json

from protocol.errors import OutOfRange
from protocol.json_values import json_problem

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which no Postgres text holds, and lone surrogates, which no UTF-8 does."""


_SIGNS = (b"\\u0000", b"NaN", b"Infinity")
"""Where none of these is, nothing needs a closer look."""


def storable(value: JsonValue, *, name: str = "it") -> JsonValue:
    """Replace what cannot be stored by U+FFFD, in every string of a JSON value, keys included.

    Raises OutOfRange for what JSON cannot say, such as Infinity; `name` is what it is called there.
    """
    if _is_clean(value):
        return value
    if problem := json_problem(value):
        raise OutOfRange(f"{name} {problem}")
    return _replaced(value)


def _is_clean(value: JsonValue) -> bool:
    # What an orchestrator sends of one choice is thousands of strings, and a pass over them in
    # Python is on the way of every task: this one is in Rust.
    try:
        text = to_json(value)
        return not any(sign in text for sign in _SIGNS)
    except ValueError:  # a lone surrogate, or deeper than it goes
        return False


def _replaced(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return _UNSTORABLE.sub("\ufffd", value)
        case list():
            return [_replaced(each) for each in value]
        case dict():
            return {_UNSTORABLE.sub("\ufffd", key): _replaced(each) for key, each in value.items()}
        case _:
            return value
