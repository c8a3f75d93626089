"""The linear model: how features are weighed, and the file of its weights.

The file is compressed: a line of JSON with the biases and the scale, then the features by their
checksums (how many are in each bucket, and their tags), then for each a signed byte per output.
"""

import json
import sys
import zlib
from array import array
from binascii import crc_hqx
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import sqrt
from pathlib import Path
from typing import Final
from zlib import crc32

from agents.selection.kinds.pieces import list_pieces
from agents.selection.kinds.sample import split_zones
from agents.selection.kinds.signs import list_signs

FILE: Final = Path(__file__).with_name("weights.bin")
LABELS: Final = (
    "chat", "general", "writing", "summary", "extraction", "translation", "maths", "vision", "web",
    "tools", "code-generation", "code-analysis", "code-optimization",
)  # fmt: skip
HEADS: Final = ("fast", "hard", "easy")
"""Further outputs, for code: whether it must be fast, is difficult, is easy."""
MATTER: Final = 0.35
"""Weight of what a request is about, beside the request's own 1."""
SIGNS: Final = 0.35
"""Weight of one sign of form."""
_OFFSET: Final = 128
_BUCKETS: Final = 1 << 16
_TAG: Final = 4
"""Bytes of a tag."""
_OUTPUTS: Final = len(LABELS) + len(HEADS)


def list_zones(sample: str, length: int) -> tuple[tuple[set[str], float], ...]:
    """Return the features of each part of a sample of a text, with the weight of one of them."""
    zones = split_zones(sample)
    request, matter = list_pieces(zones.request), list_pieces(zones.matter)
    signs = list_signs(sample, length, zones.code_lines)
    if zones.is_quoting:
        signs.add("\x01quoted")
    if matter:
        signs.add("\x01matter")
    return (
        (request, 1 / sqrt(len(request) or 1)),
        (matter - request, MATTER / sqrt(len(matter) or 1)),
        (signs, SIGNS),
    )


@dataclass(frozen=True, slots=True)
class LinearModel:
    """The weights of the features: a hash table in arrays, at a tenth of the memory of a dict.

    The entries of bucket `i` are those from `starts[i]` to `starts[i + 1]`. A feature is known by
    two checksums, of 48 bits in all.
    """

    starts: Sequence[int]
    tags: Sequence[int]
    """The rest of the checksums of each entry."""
    weights: bytes
    """For each entry, a byte per output."""
    biases: tuple[float, ...]
    scale: float

    def score(self, sample: str, length: int) -> list[float]:
        """Return the value of each output: those of `LABELS`, then those of `HEADS`."""
        found = list(self.biases)
        for names, value in list_zones(sample, length):
            rows = self.find_rows(names)
            offset, factor = _OFFSET * len(rows) // _OUTPUTS, value * self.scale
            for i in range(_OUTPUTS):
                found[i] += (sum(rows[i::_OUTPUTS]) - offset) * factor
        return found

    def find_rows(self, names: Iterable[str]) -> bytes:
        """Return the weights of those of the features that are known, one after the other."""
        starts, tags, weights = self.starts, self.tags, self.weights
        rows = []
        for name in names:  # as `_hash`, which would take as long as the rest
            data = name.encode("utf-8", "surrogatepass")
            first = crc32(data)
            bucket = first >> 16
            for at in range(starts[bucket], starts[bucket + 1]):
                tag = tags[at]
                if tag >> 16 == first & 0xFFFF and tag & 0xFFFF == crc_hqx(data, 0):
                    rows.append(weights[at * _OUTPUTS : (at + 1) * _OUTPUTS])
        return b"".join(rows)


def _hash(name: str) -> tuple[int, int]:
    """Return the bucket of a feature, and its tag there."""
    data = name.encode("utf-8", "surrogatepass")
    first = crc32(data)
    return first >> 16, (first & 0xFFFF) << 16 | crc_hqx(data, 0)


@cache
def load_model() -> LinearModel:
    """Read the weights of this package, once."""
    return read_model(FILE)


def read_model(file: Path) -> LinearModel:
    """Read a file of weights."""
    head, _, rest = zlib.decompress(file.read_bytes()).partition(b"\n")
    about = json.loads(head)
    starts = array("I", accumulate(rest[:_BUCKETS], initial=0))
    tags = array("I", rest[_BUCKETS : _BUCKETS + _TAG * starts[-1]])
    if sys.byteorder == "big":
        tags.byteswap()
    return LinearModel(
        starts=starts,
        tags=tags,
        weights=rest[_BUCKETS + _TAG * len(tags) :],
        biases=tuple(about["biases"]),
        scale=about["scale"],
    )


def write_model(
    file: Path, names: Sequence[str], rows: Iterable[Sequence[float]], biases: Sequence[float]
) -> int:
    """Write a file of weights. Return its size in bytes."""
    entries = sorted((*_hash(name), row) for name, row in zip(names, rows, strict=True))
    if len({entry[:2] for entry in entries}) < len(entries):
        raise ValueError("two features have the same checksums")
    scale = max(abs(each) for *_, row in entries for each in row) / 127
    head = json.dumps({"biases": [round(each, 4) for each in biases], "scale": scale})
    counts = Counter(bucket for bucket, *_ in entries)
    content = [
        f"{head}\n".encode(),
        bytes(counts[bucket] for bucket in range(_BUCKETS)),
        *(tag.to_bytes(_TAG, "little") for _, tag, _ in entries),
        bytes(round(each / scale) + _OFFSET for *_, row in entries for each in row),
    ]
    return file.write_bytes(zlib.compress(b"".join(content), 9))
