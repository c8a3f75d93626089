"""What a way of answering has achieved, and at which cost. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOutcome:
    """What came of one question, asked in one way."""

    question: str
    answer: str | None
    """None: there was none."""
    is_right: bool
    calls: int
    """Calls of models, repeated ones included."""
    cost_usd: float | None
    """None if it is not known."""
    seconds: float = 0.0
    model: str | None = None
    """The model that gave the answer; None if several agreed or nobody decided."""
    ended: str = ""
    """Of a debate: `agreed`, `decided` or `undecided`."""
    error: str | None = None
    strongest: str | None = None
    """Of a debate: the model that was thought to be the strongest."""
    is_simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WayFigures:
    """The figures of one way to answer: a debate, or one model."""

    way: str
    questions: int
    right: int
    share: float
    """Of right answers, in percent."""
    calls: int
    cost_usd: float | None
    seconds: float
    """Of all questions together, as if one was asked after the other."""
    failed: int


def summarize_way(way: str, outcomes: Sequence[WayOutcome]) -> WayFigures:
    """Return the figures of the outcomes of one way."""
    count, right = len(outcomes), sum(each.is_right for each in outcomes)
    costs = [each.cost_usd for each in outcomes]
    known = [each for each in costs if each is not None]
    return WayFigures(
        way=way,
        questions=count,
        right=right,
        share=round(100 * right / count, 1) if count else 0.0,
        calls=sum(each.calls for each in outcomes),
        cost_usd=round(sum(known), 6) if len(known) == count else None,
        seconds=round(sum(each.seconds for each in outcomes), 1),
        failed=sum(each.error is not None for each in outcomes),
    )
