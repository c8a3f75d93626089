"""Builds headers of GGUF files."""

import struct
from collections.abc import Mapping
from typing import Any


def build_gguf(values: Mapping[str, Any], *, weights: bytes = b"") -> bytes:
    """Return a file with these keys, which whole numbers, texts and lists of both may have."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(values))
    return head + b"".join(_text(key) + _pack(value) for key, value in values.items()) + weights


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _pack(value: Any) -> bytes:
    match value:
        case str():
            return struct.pack("<I", 8) + _text(value)
        case int():
            return struct.pack("<IQ", 10, value)
        case list():
            kind = 8 if isinstance(value[0], str) else 10
            items = b"".join(_pack(each)[4:] for each in value)
            return struct.pack("<IIQ", 9, kind, len(value)) + items
    raise TypeError(value)
