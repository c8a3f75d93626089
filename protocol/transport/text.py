"""Text that Postgres and JSON can hold."""

import re

from pydantic import JsonValue
from pydantic_core import to_json

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which no Postgres text holds, and lone surrogates, which no UTF-8 does."""


def storable(value: JsonValue) -> JsonValue:
    """Replace what cannot be stored by U+FFFD, in every string of a JSON value, keys included."""
    return value if _is_clean(value) else _replaced(value)


def _is_clean(value: JsonValue) -> bool:
    # What an orchestrator sends of one choice is thousands of strings, and a pass over them in
    # Python is on the way of every task: this one is in Rust.
    try:
        return b"\\u0000" not in to_json(value)
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
