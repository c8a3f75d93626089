"""Features of words: words, pairs of words, and pieces of words and of scripts without spaces."""

import re
from itertools import pairwise
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+|[\"?!？！؟]")
_DENSE: Final = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_STEM: Final = 4
FIRST: Final = "^"
"""Begins the features of the first words."""


def list_pieces(text: str) -> set[str]:
    """Return the features of a normalized text."""
    words = _WORD.findall(text)
    found = set(words)
    found.update(map("_".join, pairwise(words)))
    found.update([word[:_STEM] + "*" for word in words if len(word) > _STEM])
    found.update([word[:6] + "*" for word in words if len(word) > 6])
    if words:
        found.add(FIRST + words[0])
        found.add(f"{FIRST}{len(words)}" if len(words) < 5 else FIRST + "many")
        found.add(words[-1] + "$")
    joined = f" {' '.join(words)} "
    found.update([joined[i : i + 4] for i in range(len(joined) - 3)])
    if not text.isascii():
        for run in _DENSE.findall(text):
            found.update(run)
            found.update([run[i : i + 2] for i in range(len(run) - 1)])
            found.update([run[i : i + 3] for i in range(len(run) - 2)])
            found.add(FIRST + run[:2])
            found.add(run[-2:] + "$")
    return found
