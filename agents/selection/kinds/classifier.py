"""The kind of work that a text asks for. Pure, offline, bounded by the size of a sample."""

from functools import lru_cache
from math import exp
from typing import Final, Literal, NamedTuple

from agents.selection.kinds.linear_model import HEADS, LABELS, load_model
from agents.selection.kinds.sample import take_sample

GENERAL: Final = "general"
CODE_KINDS: Final = frozenset({"code-generation", "code-analysis", "code-optimization"})
SURE: Final = 0.3
"""Probability from which a kind is taken; below it the kind is `general`."""
_WEB: Final = "web"
_MAYBE_WEB: Final = 0.3
"""Probability from which a question is one about current events: an old answer would be wrong."""
_HARD: Final = -1.0
_EASY: Final = -1.5
"""Scores from which code is difficult, or easy: most requests of the training are neither."""
_REMEMBERED: Final = 256


class Classification(NamedTuple):
    """What a text asks for."""

    kind: str
    confidence: float
    """Probability of the likeliest kind, from 0 to 1; below `SURE` the kind is `general`."""
    is_fast: bool = False
    """Whether code, if it is about code, must be fast."""
    difficulty: Literal["low", "medium", "high"] = "medium"
    """How difficult the code is, if it is about code."""


def classify(text: str) -> Classification:
    """Return what a text asks for, in any language. Never raises, whatever the text is."""
    return _classify(take_sample(text), len(text))


@lru_cache(maxsize=_REMEMBERED)
def _classify(sample: str, length: int) -> Classification:
    scores = load_model().score(sample, length)
    chances = _normalize(scores[: len(LABELS)])
    kind = max(chances, key=chances.__getitem__)
    confidence = chances[kind]
    code = {each: chances[each] for each in CODE_KINDS}
    if kind not in CODE_KINDS and sum(code.values()) > max(confidence, 0.5):
        kind, confidence = max(code, key=code.__getitem__), sum(code.values())
    if kind == GENERAL and chances[_WEB] >= _MAYBE_WEB:
        kind, confidence = _WEB, chances[_WEB]
    heads = dict(zip(HEADS, scores[len(LABELS) :], strict=True))
    return Classification(
        kind=kind if confidence >= SURE else GENERAL,
        confidence=round(confidence, 2),
        is_fast=heads["fast"] > 0,
        difficulty=_compare(heads["hard"], heads["easy"]),
    )


def _normalize(scores: list[float]) -> dict[str, float]:
    highest = max(scores)
    powers = [exp(each - highest) for each in scores]
    total = sum(powers)
    return {label: power / total for label, power in zip(LABELS, powers, strict=True)}


def _compare(hard: float, easy: float) -> Literal["low", "medium", "high"]:
    if hard > _HARD:
        return "high"
    return "low" if easy > _EASY else "medium"
