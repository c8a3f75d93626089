"""The header of a GGUF file: what a model is, and how much memory a conversation takes.

Only the beginning of a file is read, which may be cut off, wrong or hostile: whatever is not
understood is unknown.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HEADER_BYTES: Final = 512 * 1024
"""Enough for everything but the vocabulary, which comes last."""
_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_MOST_KEYS: Final = 10_000
_LONGEST_TEXT: Final = 256 * 1024
_STRING: Final = 8
_ARRAY: Final = 9
_SCALARS: Final = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_KEPT_ITEMS: Final = 1_000
"""Of an array; longer ones (vocabularies) are only counted."""
_QUANTIZATIONS: Final = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4",
}


class NotGguf(ValueError):
    """The file is no GGUF file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufFacts:
    """Facts from the header of a file. Unknown ones are None."""

    architecture: str | None = None
    name: str | None = None
    license: str | None = None
    quantization: str | None = None
    context: int | None = None
    """Tokens that the model was trained for."""
    kv_bytes: int | None = None
    """Memory of one token of a conversation, with 16 bits a number."""
    vocabulary: int | None = None


UNKNOWN_FACTS: Final = GgufFacts()


@dataclass(slots=True)
class _Reader:
    data: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise EOFError
        self.at += count
        return self.data[self.at - count : self.at]

    def scalar(self, form: str) -> Any:
        [value] = struct.unpack(form, self.take(struct.calcsize(form)))
        return value

    def text(self) -> str:
        size = self.scalar("<Q")
        if size > _LONGEST_TEXT:
            raise EOFError
        return self.take(size).decode("utf-8", errors="replace")

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self.array()
        if kind not in _SCALARS:
            raise EOFError
        return self.scalar(_SCALARS[kind])

    def array(self) -> "list[Any] | _Counted":
        kind, count = self.scalar("<I"), self.scalar("<Q")
        if kind == _ARRAY:
            raise EOFError  # arrays in arrays do not occur
        if count > _KEPT_ITEMS:
            raise _TooLong(count)
        return [self.value(kind) for _ in range(count)]


class _Counted(int):
    """The length of an array that was not read."""


class _TooLong(Exception):
    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = _Counted(count)


def read_gguf(path: Path) -> GgufFacts:
    """Read the facts of a file. Raises NotGguf and OSError."""
    with path.open("rb") as file:
        return parse_facts(file.read(HEADER_BYTES))


def parse_facts(beginning: bytes) -> GgufFacts:
    """Return the facts from the beginning of a file. Raises NotGguf."""
    reader = _Reader(beginning)
    try:
        if reader.take(4) != _MAGIC:
            raise NotGguf("it does not begin like a GGUF file")
        version = reader.scalar("<I")
        reader.take(8)  # the number of tensors
        count = reader.scalar("<Q")
    except EOFError as error:
        raise NotGguf("it is shorter than the header of a GGUF file") from error
    if version not in _VERSIONS:
        raise NotGguf(f"it has version {version} of GGUF; 2 and 3 can be read")
    return _build(_read_values(reader, min(count, _MOST_KEYS)))


def _read_values(reader: _Reader, count: int) -> Mapping[str, Any]:
    values: dict[str, Any] = {}
    for _ in range(count):
        key = ""
        try:
            key = reader.text()
            values[key] = reader.value(reader.scalar("<I"))
        except _TooLong as error:
            values[key] = error.count
            break  # the vocabulary, which is longer than what was read
        except EOFError:
            break
    return values


def _build(values: Mapping[str, Any]) -> GgufFacts:
    architecture = _get_text(values, "general.architecture")
    prefix = f"{architecture}."
    vocabulary = _get_number(values, f"{prefix}vocab_size")
    tokens = values.get("tokenizer.ggml.tokens")
    if vocabulary is None and isinstance(tokens, int | list):
        vocabulary = tokens if isinstance(tokens, int) else len(tokens)
    return GgufFacts(
        architecture=architecture,
        name=_get_text(values, "general.name"),
        license=_get_text(values, "general.license"),
        quantization=_QUANTIZATIONS.get(_get_number(values, "general.file_type", least=0) or 0)
        if "general.file_type" in values
        else None,
        context=_get_number(values, f"{prefix}context_length"),
        kv_bytes=_count_kv_bytes(values, prefix),
        vocabulary=vocabulary,
    )


def _count_kv_bytes(values: Mapping[str, Any], prefix: str) -> int | None:
    layers = _get_number(values, f"{prefix}block_count")
    heads = _get_number(values, f"{prefix}attention.head_count")
    width = _get_number(values, f"{prefix}embedding_length")
    shared = values.get(f"{prefix}attention.head_count_kv", heads)
    head = width // heads if width and heads else None
    key = _get_number(values, f"{prefix}attention.key_length") or head
    value = _get_number(values, f"{prefix}attention.value_length") or head
    if layers is None or key is None or value is None:
        return None
    if isinstance(shared, list):  # one number for each layer
        total = sum(each for each in shared if isinstance(each, int) and 0 <= each < 2**16)
    elif isinstance(shared, int) and 0 < shared < 2**16:
        total = layers * shared
    else:
        return None
    return total * (key + value) * 2


def _get_text(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value[:200] if isinstance(value, str) and value else None


def _get_number(values: Mapping[str, Any], key: str, *, least: int = 1) -> int | None:
    value = values.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if least <= value < 2**31 else None
