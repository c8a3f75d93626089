"""The linear model: how features are weighed, and the file of its weights.

The file is compressed: a line of JSON with the biases and the scale, a line with the features
separated by a tab, then for each feature a signed byte per output.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt
from pathlib import Path
from typing import Final

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
_LANE: Final = 24
"""Bits of an output in a packed row: the sum of 16,000 bytes fits."""
_OFFSET: Final = 128
_MASK: Final = (1 << _LANE) - 1
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
    """The weights of the features, each a packed row of one lane per output."""

    rows: Mapping[str, int]
    biases: tuple[float, ...]
    scale: float

    def score(self, sample: str, length: int) -> list[float]:
        """Return the value of each output: those of `LABELS`, then those of `HEADS`."""
        found = list(self.biases)
        rows = self.rows
        for names, value in list_zones(sample, length):
            known = names & rows.keys()
            total = sum(map(rows.__getitem__, known))
            factor, offset = value * self.scale, _OFFSET * len(known)
            for i in range(_OUTPUTS):
                found[i] += ((total & _MASK) - offset) * factor
                total >>= _LANE
        return found


@cache
def load_model() -> LinearModel:
    """Read the weights of this package, once."""
    head, _, rest = zlib.decompress(FILE.read_bytes()).partition(b"\n")
    about = json.loads(head)
    names, _, packed = rest.partition(b"\n")
    return LinearModel(
        rows=dict(zip(names.decode().split("\t"), _unpack(packed), strict=True)),
        biases=tuple(about["biases"]),
        scale=about["scale"],
    )


def _unpack(packed: bytes) -> Iterator[int]:
    width = _LANE // 8
    spread = bytearray(len(packed) * width)
    spread[::width] = packed
    size = _OUTPUTS * width
    for at in range(0, len(spread), size):
        yield int.from_bytes(spread[at : at + size], "little")


def write_model(
    file: Path, names: Sequence[str], rows: Iterable[Sequence[float]], biases: Sequence[float]
) -> int:
    """Write a file of weights. Return its size in bytes."""
    rows = list(rows)
    scale = max(abs(each) for row in rows for each in row) / 127
    packed = bytes(round(each / scale) + _OFFSET for row in rows for each in row)
    head = json.dumps({"biases": [round(each, 4) for each in biases], "scale": scale})
    content = "\n".join((head, "\t".join(names))).encode() + b"\n" + packed
    return file.write_bytes(zlib.compress(content, 9))
