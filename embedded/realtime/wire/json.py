"""Strict JSON that all clients can read: no NaN, no lone surrogates, limited nesting."""

import json
import math
from typing import Any, Final, NoReturn, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class InvalidJson(ValueError):
    """The text is not JSON that can be relayed."""


def decode_strict_json(text: str | bytes) -> Json:
    """Parse one JSON value; raise `InvalidJson`, also for values that only Python accepts."""
    try:
        if isinstance(text, bytes):
            text = text.decode()
        value: Json = _DECODER.decode(text)
        if "\\u" in text:
            encode_compact_json(value).encode()  # a lone surrogate would break other sockets
    except (ValueError, RecursionError) as error:
        raise InvalidJson(str(error)) from error
    return value


def encode_compact_json(value: Json) -> str:
    """Encode one JSON value without spaces, as the real server does."""
    return _ENCODER.encode(value)


def _refuse(constant: str) -> NoReturn:
    raise InvalidJson(f"{constant} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise InvalidJson(f"{number} is out of range")
    return value


_DECODER: Final[Any] = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
