"""Whether answers say the same: by their words, else by the judgement of a cheap model. Pure."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from pydantic import BaseModel, ConfigDict

_ARTICLES: Final = frozenset({"a", "an", "the"})
_NUMBER: Final = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?%?")


class Comparison(BaseModel):
    """Which answers say the same, by their numbers."""

    model_config = ConfigDict(extra="forbid")

    groups: list[list[int]]


def normalize_verdict(text: str) -> str:
    """Return a verdict without what two people who agree may write differently."""
    words = [_normalize_word(each) for each in re.split(r"[^\w%+#.,:/-]+", text.casefold())]
    return " ".join(each for each in words if each and each not in _ARTICLES) or text.strip()


def _normalize_word(word: str) -> str:
    """Return a word without punctuation, a number as it is written shortest."""
    bare = word.strip(",:/").rstrip(".").removeprefix("+")
    if _NUMBER.fullmatch(bare) is None:
        return re.sub(r"[.,:/-]+$|^[.,:/-]+|,", "", word)
    try:
        number = Decimal(bare.rstrip("%").replace(",", ""))
    except InvalidOperation:
        return bare
    return f"{number.normalize():f}{'%' if bare.endswith('%') else ''}"


def group_verdicts(verdicts: Sequence[str]) -> list[int]:
    """Return the group of each verdict, from 0 in order of appearance, by normalised words."""
    words = [normalize_verdict(each) for each in verdicts]
    known = list(dict.fromkeys(words))
    return [known.index(each) for each in words]


def may_agree(verdicts: Sequence[str]) -> bool:
    """Return whether verdicts of different words may mean the same: numbers and words cannot."""
    return any(" " in normalize_verdict(each) for each in verdicts)


def read_groups(comparison: Comparison, verdicts: Sequence[str]) -> list[int] | None:
    """Return the group of each verdict by a comparison; None if it does not name each once.

    Verdicts of the same words stay together, whatever it says.
    """
    named = [number for group in comparison.groups for number in group]
    if sorted(named) != list(range(1, len(verdicts) + 1)):
        return None
    by_words = group_verdicts(verdicts)
    groups = list(range(len(verdicts)))
    for members in ([each - 1 for each in group] for group in comparison.groups if group):
        for place in members:
            joined = {groups[each] for each in (members[0], by_words.index(by_words[place]), place)}
            groups = [min(joined) if each in joined else each for each in groups]
    known = list(dict.fromkeys(groups))
    return [known.index(each) for each in groups]
