"""Figures of an evaluation."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cogo.evaluation.evaluate import Configuration, ProblemOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a configuration achieved, and at which cost."""

    configuration: str
    problems: int
    correct: int
    pass_at_1: float
    """Share of correct results, in percent."""
    pass_at_1_else_last: float | None
    """The same if, where no answer passes the visible tests, the last one were handed over instead
    of the best: "cheap, else strong". None if it is not known."""
    verified: int
    """Results that say that the task's tests passed."""
    verified_but_wrong: int
    """Of these, how many the hidden tests refute: the visible tests did not see it."""
    calls: int
    cost_usd: float | None
    relative_cost: float | None
    """In percent of the cost of the dearest model alone."""
    seconds: float
    """Of all problems together, as if one ran after the other."""
    skipped: Mapping[str, int]
    """Requests to models without a recording, by step."""
    failed: int
    """Tasks that ended without a result."""


def summarize(
    configuration: Configuration,
    outcomes: Sequence[ProblemOutcome],
    prices: Mapping[str, Decimal],
) -> Figures:
    """Return the figures of a configuration's outcomes."""
    count = len(outcomes)
    correct = sum(each.is_correct for each in outcomes)
    verified = [each for each in outcomes if each.status == "verified"]
    cost = _sum_costs(outcomes)
    dearest = float(max(prices.values(), default=Decimal())) * count
    return Figures(
        configuration=configuration.name,
        problems=count,
        correct=correct,
        pass_at_1=round(100 * correct / count, 2) if count else 0.0,
        pass_at_1_else_last=_compute_else_last(outcomes),
        verified=len(verified),
        verified_but_wrong=sum(not each.is_correct for each in verified),
        calls=sum(len(each.calls) for each in outcomes),
        cost_usd=None if cost is None else round(cost, 6),
        relative_cost=None if cost is None or not dearest else round(100 * cost / dearest, 1),
        seconds=round(sum(each.seconds for each in outcomes), 1),
        skipped=_count_skipped(outcomes),
        failed=sum(each.error is not None for each in outcomes),
    )


def _compute_else_last(outcomes: Sequence[ProblemOutcome]) -> float | None:
    if not outcomes or any(each.is_last_correct is None for each in outcomes):
        return None
    return round(100 * sum(each.is_last_correct is True for each in outcomes) / len(outcomes), 2)


def _sum_costs(outcomes: Iterable[ProblemOutcome]) -> float | None:
    costs = [each.cost_usd for each in outcomes]
    known = [each for each in costs if each is not None]
    return sum(known) if len(known) == len(costs) else None


def _count_skipped(outcomes: Iterable[ProblemOutcome]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for each in outcomes:
        total.update(each.skipped)
    return dict(sorted(total.items()))
