"""JSON that every client can read back: no NaN, no lone surrogates, no bottomless nesting."""

import json
import math
from typing import Any, Final, NoReturn, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class NotJson(ValueError):
    """The text is not JSON that may be passed on; nothing was done with it."""


def parse(text: str | bytes) -> Json:
    """Read one JSON value.

    Raises NotJson also for what Python would take and other readers would refuse.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode()
        value: Json = _DECODER.decode(text)
        if "\\u" in text:
            compact(value).encode()  # a lone surrogate would break the sockets of the others
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error
    return value


def compact(value: Json) -> str:
    """Write one JSON value without spaces, as the real server does."""
    return _ENCODER.encode(value)


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"{constant} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise NotJson(f"{number} is out of range")
    return value


_DECODER: Final[Any] = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
