"""Features of a prompt's text; only a few, because they predict little."""

import re
import unicodedata
from collections import Counter
from typing import Final

SAMPLE: Final = 2_000
"""Characters of the prompt that are examined."""
_MIN_SHARE: Final = 0.1
"""A script with a smaller share of the letters counts as a quotation."""

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
DENSE_SCRIPTS: Final = frozenset({"Kore", "Jpan", "Hani", "Thai"})
"""Scripts in which a character is about one token."""


def mentions_any(prompt: str, *words: str) -> bool:
    """Return whether a lower-case prompt contains one of the words."""
    return any(word in prompt for word in words)


def asks_for_news(prompt: str) -> bool:
    """Return whether a lower-case prompt asks about current events."""
    return _NEWS.search(prompt[:SAMPLE]) is not None


def detect_scripts(prompt: str) -> tuple[str, ...]:
    """Return the ISO 15924 codes of the scripts other than Latin, the most frequent first."""
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
    minimum = _MIN_SHARE * len(letters)
    return tuple(script for script, count in found.most_common() if count >= minimum)
