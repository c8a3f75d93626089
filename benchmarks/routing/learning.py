"""Observations and stage odds from training rows."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

from agents.selection.evidence.observations import Observations, Observed
from agents.selection.policies.cascade_plan import StageOdds
from benchmarks.routing.table import Row

LEAST = 3.0
"""Fewer rows are not used for estimates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The check of answers: recorded in the table, or assumed with these rates."""

    name: str
    true_positives: float | None = None
    """The share of good answers that it accepts; None: as recorded for each answer."""
    false_positives: float = 0.0
    """The share of bad answers that it accepts."""

    def accepts(self, row: Row, model: int) -> tuple[float, float]:
        """Return the probabilities that an answer is accepted, and that it is accepted and good."""
        quality = row.quality[model]
        if self.true_positives is None:
            accepted = 0.0 if row.verified is None else row.verified[model]
            return accepted, accepted * quality
        good = quality * self.true_positives
        return good + (1 - quality) * self.false_positives, good


def observed(models: Sequence[str], rows: Sequence[Row], *, by_category: bool) -> Observations:
    """Count outcomes by model and category, or by model alone."""
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for row in rows:
        kind = row.category if by_category else "all"
        for number, model in enumerate(models):
            entry = sums[model, kind]
            entry[0] += 1
            entry[1] += row.quality[number]
            entry[2] += row.cost[number]
    return Observations(
        outcomes={
            key: Observed(judged=n, good=good, answered=n, cost_usd=cost / n)
            for key, (n, good, cost) in sums.items()
        }
    )


class RecordedTrials:
    """Stage odds on recorded answers: a stage sees the rows on which earlier stages failed."""

    def __init__(self, models: Sequence[str], rows: Sequence[Row], check: Check) -> None:
        self._index = {model: number for number, model in enumerate(models)}
        accepted = [[check.accepts(row, m) for row in rows] for m in range(len(models))]
        self._passed = [[pair[0] for pair in column] for column in accepted]
        self._good = [[pair[1] for pair in column] for column in accepted]
        self._quality = [[row.quality[m] for row in rows] for m in range(len(models))]
        self._cost = [[row.cost[m] for row in rows] for m in range(len(models))]
        self._weights: dict[tuple[str, ...], tuple[list[float], float]] = {
            (): ([1.0] * len(rows), float(len(rows)))
        }

    def get_odds(self, refused: tuple[str, ...], model_id: str) -> StageOdds | None:
        """Return the shares on the rows on which all of these models were rejected."""
        weights, total = self._reaching(refused)
        if total < LEAST:
            return None
        number = self._index[model_id]
        return StageOdds(
            quality=_dot(weights, self._quality[number]) / total,
            passed=_dot(weights, self._passed[number]) / total,
            passed_good=_dot(weights, self._good[number]) / total,
            cost_usd=_dot(weights, self._cost[number]) / total,
        )

    def qualities(self, stages: Sequence[str]) -> list[float]:
        """Return the expected result of a cascade for each row."""
        reached = [0.0] * len(self._quality[0])
        for number, model in enumerate(stages):
            weights, _ = self._reaching(tuple(stages[:number]))
            is_last = number == len(stages) - 1
            gained = (self._quality if is_last else self._good)[self._index[model]]
            reached = [r + w * g for r, w, g in zip(reached, weights, gained, strict=True)]
        return reached

    def _reaching(self, refused: tuple[str, ...]) -> tuple[list[float], float]:
        known = self._weights.get(refused)
        if known is None:
            before, _ = self._reaching(refused[:-1])
            passed = self._passed[self._index[refused[-1]]]
            weights = [w * (1 - p) for w, p in zip(before, passed, strict=True)]
            known = self._weights[refused] = (weights, sum(weights))
        return known


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return float(sum(map(mul, left, right)))
