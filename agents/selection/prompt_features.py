"""What the words of a prompt tell: deliberately little, for they predict little."""

import re
import unicodedata
from collections import Counter
from typing import Final

SAMPLE: Final = 2_000
"""Characters of a prompt that its languages are read from."""
_SHARE: Final = 0.1
"""A writing system with a smaller share of the letters is a quotation."""

_NEWS: Final = re.compile(
    r"\b(?:latest news|news of today|today.s|current events|right now|as of today"
    r"|this week.s|current (?:price|prices|weather|president|version))\b"
)
_SCRIPTS: Final = {
    "CYRILLIC": "Cyrl",
    "GREEK": "Grek",
    "ARABIC": "Arab",
    "HEBREW": "Hebr",
    "DEVANAGARI": "Deva",
    "THAI": "Thai",
    "HANGUL": "Kore",
    "HIRAGANA": "Jpan",
    "KATAKANA": "Jpan",
    "CJK": "Hani",
}
DENSE: Final = frozenset({"Kore", "Jpan", "Hani", "Thai"})
"""Writing systems in which a character is about a token."""


def mentions_any(prompt: str, *words: str) -> bool:
    """Tell whether one of the words stands anywhere in a prompt of small letters."""
    return any(word in prompt for word in words)


def asks_for_news(prompt: str) -> bool:
    """Tell whether a prompt of small letters is about what no model was trained on."""
    return _NEWS.search(prompt[:SAMPLE]) is not None


def detect_scripts(prompt: str) -> tuple[str, ...]:
    """Give the writing systems other than the Latin one, the commonest first."""
    sample = prompt[:SAMPLE]
    if sample.isascii():
        return ()
    letters = [letter for letter in sample if letter.isalpha()]
    found = Counter(
        _SCRIPTS[script]
        for letter in letters
        if not letter.isascii()
        and (script := unicodedata.name(letter, "").partition(" ")[0]) in _SCRIPTS
    )
    return tuple(script for script, count in found.most_common() if count >= _SHARE * len(letters))
