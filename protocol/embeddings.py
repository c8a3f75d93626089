"""What tasks of type EMBED take. Their texts and vectors are stored, which limits them."""

import base64
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Literal, TypeAlias

EncodingFormat: TypeAlias = Literal["float", "base64"]
"""Of vectors: numbers, or the bytes of their 32-bit floats (little-endian) in base64."""
EmbedQuery: TypeAlias = Callable[[str, str], Awaitable[tuple[Sequence[float], bool]]]
"""Takes a model and a query; returns the vector, and whether a simulator made it.

Raises ValueError, which says why there is none, and TimeoutError.
"""

MAX_TEXTS: Final = 2_048
"""Texts of one task, and of one request."""
MAX_VECTORS_BYTES: Final = 4 * 1024 * 1024
"""Of all vectors of one task, as JSON."""
ASSUMED_DIMENSIONS: Final = 4_096
"""Of models whose dimensions are not known."""
_BYTES_PER_NUMBER: Final = {"float": 24.0, "base64": 16 / 3}
"""At most, with what separates them."""


def count_fitting_texts(dimensions: int | None, encoding_format: EncodingFormat) -> int:
    """Return how many texts one task may have so that its vectors can be stored."""
    size = (dimensions or ASSUMED_DIMENSIONS) * _BYTES_PER_NUMBER[encoding_format] + 8
    return max(1, min(MAX_TEXTS, int(MAX_VECTORS_BYTES / size)))


def read_texts(value: object) -> list[str] | list[list[int]]:
    """Return the texts, or the tokens of each, of one text or of a list, as OpenAI's clients do.

    Raise ValueError, whose message follows the name of the value, for anything else.
    """
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not value:
        raise ValueError("it must be a text or a list of texts, not empty")
    if all(map(_is_token, value)):
        value = [value]
    if len(value) > MAX_TEXTS:
        raise ValueError(f"it has {len(value)} texts; at most {MAX_TEXTS} can be sent at once")
    if all(isinstance(each, str) for each in value):
        empty = next((n for n, each in enumerate(value) if not each.strip()), None)
    elif all(isinstance(each, list) and all(map(_is_token, each)) for each in value):
        empty = next((n for n, each in enumerate(value) if not each), None)
    else:
        raise ValueError("it must have only texts, or only lists of tokens, which are numbers")
    if empty is not None:
        raise ValueError(f"text {empty} is empty: leave it out")
    return value


def encode_vector(vector: Sequence[float]) -> str:
    """Return a vector as `base64`. Raise OverflowError for numbers beyond 32-bit floats."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def decode_vector(vector: str | Sequence[float]) -> list[float]:
    """Return the numbers of a vector in any format. Raise TypeError or ValueError."""
    if not isinstance(vector, str):
        return [float(each) for each in vector]
    data = base64.b64decode(vector, validate=True)
    if len(data) % 4:
        raise ValueError("the bytes are no 32-bit floats")
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def _is_token(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**31
