"""Whether answers say the same: by their words, else by the judgement of a cheap model. Pure."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import combinations
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


def score_agreement(groups: Sequence[int]) -> list[float] | None:
    """Return 1 for each answer of the largest group and 0 for the others.

    None if no two agree, or as many hold one thing as another.
    """
    sizes = sorted(((groups.count(each), each) for each in set(groups)), reverse=True)
    if not sizes or sizes[0][0] < 2 or (len(sizes) > 1 and sizes[0][0] == sizes[1][0]):
        return None
    return [float(each == sizes[0][1]) for each in groups]


def may_agree(verdicts: Sequence[str]) -> bool:
    """Return whether verdicts of different words may mean the same: numbers and words cannot."""
    return any(" " in normalize_verdict(each) for each in verdicts)


def read_groups(comparison: Comparison, verdicts: Sequence[str]) -> list[int] | None:
    """Return the group of each verdict by a comparison; None if it cannot be right.

    That is so if it does not name each once, or holds for the same what contradicts each other:
    a verdict may talk to whoever compares it. Verdicts of the same words stay together.
    """
    named = [number for group in comparison.groups for number in group]
    if sorted(named) != list(range(1, len(verdicts) + 1)):
        return None
    for group in comparison.groups:
        texts = [verdicts[number - 1] for number in group]
        if any(_contradict(one, other) for one, other in combinations(texts, 2)):
            return None
    by_words = group_verdicts(verdicts)
    groups = list(range(len(verdicts)))
    for members in ([each - 1 for each in group] for group in comparison.groups if group):
        for place in members:
            joined = {groups[each] for each in (members[0], by_words.index(by_words[place]), place)}
            groups = [min(joined) if each in joined else each for each in groups]
    known = list(dict.fromkeys(groups))
    return [known.index(each) for each in groups]


def can_all_hold(verdicts: Sequence[str]) -> bool:
    """Return whether nothing speaks against it that all of these mean the same."""
    pairs = [*combinations(verdicts, 2)]
    return not any(
        _contradict(*each) or (len(set(group_verdicts(each))) > 1 and not may_agree(each))
        for each in pairs
    )


def _contradict(one: str, other: str) -> bool:
    """Return whether one says yes and the other no, or each has one number and not the same."""
    words = [normalize_verdict(each).split() for each in (one, other)]
    if {*words[0][:1], *words[1][:1]} == {"yes", "no"}:
        return True
    numbers = [{each for each in given if _NUMBER.fullmatch(each)} for given in words]
    return all(len(each) == 1 for each in numbers) and numbers[0] != numbers[1]
