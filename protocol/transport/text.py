"""Text that Postgres and JSON can hold."""

import re

from pydantic import JsonValue

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which no Postgres text holds, and lone surrogates, which no UTF-8 does."""


def storable(value: JsonValue) -> JsonValue:
    """Replace what cannot be stored by U+FFFD, in every string of a JSON value, keys included."""
    match value:
        case str():
            return _clean(value)
        case list():
            return [storable(each) for each in value]
        case dict():
            return {_clean(key): storable(each) for key, each in value.items()}
        case _:
            return value


def _clean(text: str) -> str:
    # Ids, names and numbers are most of what is sent: two looks at them cost less than a search.
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)
