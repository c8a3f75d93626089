"""Ratios of two trees' figures, round by round, with a 95 % confidence interval.

The mean of the logarithms of the ratios, with Student's t: rounds are few, and a ratio of 2 is as
far from 1 as one of 0.5. Two runs of a round are beside each other, so that what slows the machine
slows both.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Figure = Mapping[str, Any]
Key = tuple[str, int]
"""A figure's name, and its place among those of the same name."""

_T95: Final = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179)
"""Student's t for 95 % on both sides, for 1 to 12 degrees of freedom."""
_T95_MORE: Final = 2.16
_NO_METRICS: Final = {"n", "max", "load"}
"""Not compared: a maximum is one sample."""
_MORE_IS_BETTER: Final = ("rate", "per_second", "share", "recall", "mrr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """How one number of this tree compares with the base's."""

    name: str
    facts: Figure
    metric: str
    base: float
    this: float
    ratio: float
    low: float
    high: float
    rounds: int

    @property
    def verdict(self) -> str:
        """Return better, worse, or that the rounds show no difference."""
        if self.low <= 1 <= self.high:
            return "no difference shown"
        more = self.ratio > 1
        return "better" if more == _is_better_if_more(self.metric) else "worse"


def compare_rounds(
    rounds: Sequence[tuple[Sequence[Figure], Sequence[Figure]]],
) -> list[Ratio]:
    """Return the ratios of all numbers that two trees reported in each round, base first.

    Figures are matched by name and by their order among those of the same name. What is equal in
    all runs is no measurement, but may tell figures of one name apart. A number that a run lacks,
    or that is not positive, is left out with its round.
    """
    if not rounds:
        return []
    by_round = [(_by_key(base), _by_key(this)) for base, this in rounds]
    first = by_round[0][0]
    runs = [run for pair in by_round for run in pair]
    facts = {
        key: {
            field: value
            for field, value in figure.items()
            if all(key in run and run[key].get(field) == value for run in runs)
        }
        for key, figure in first.items()
    }
    found = []
    for key, figure in first.items():
        told = _distinguish(key, facts)
        for metric in (field for field in figure if field not in facts[key]):
            pairs = [
                (float(base[key][metric]), float(this[key][metric]))
                for base, this in by_round
                if _has(base.get(key), metric) and _has(this.get(key), metric)
            ]
            if pairs and not _is_derived(metric):
                found.append(_compare(key[0], told, metric, pairs))
    return found


def _compare(name: str, facts: Figure, metric: str, pairs: Sequence[tuple[float, float]]) -> Ratio:
    logs = [math.log(this / base) for base, this in pairs]
    mean = statistics.fmean(logs)
    margin = math.inf
    if len(logs) > 1:
        free = len(logs) - 1
        t = _T95[free - 1] if free <= len(_T95) else _T95_MORE
        margin = t * statistics.stdev(logs) / math.sqrt(len(logs))
    return Ratio(
        name=name,
        facts=facts,
        metric=metric,
        base=statistics.median(base for base, _ in pairs),
        this=statistics.median(this for _, this in pairs),
        ratio=math.exp(mean),
        low=math.exp(mean - margin),
        high=math.exp(mean + margin) if margin < math.inf else math.inf,
        rounds=len(pairs),
    )


def _by_key(figures: Sequence[Figure]) -> dict[Key, Figure]:
    seen: dict[str, int] = {}
    found = {}
    for figure in figures:
        name = str(figure["name"])
        found[name, seen.setdefault(name, 0)] = figure
        seen[name] += 1
    return found


def _distinguish(key: Key, facts: Mapping[Key, Figure]) -> Figure:
    """Return what tells a figure from others of its name, such as its batch."""
    others = [other for (name, _), other in facts.items() if name == key[0]]
    return {
        field: value
        for field, value in facts[key].items()
        if not _is_derived(field) and any(other.get(field) != value for other in others)
    }


def _is_derived(field: str) -> bool:
    return (
        field in _NO_METRICS
        or field.startswith(("goal", "times_", "cpu_of_"))
        or field.endswith(("_min", "_max"))
    )


def _has(figure: Figure | None, field: str) -> bool:
    value = figure.get(field) if figure is not None else None
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _is_better_if_more(metric: str) -> bool:
    return any(part in metric for part in _MORE_IS_BETTER)
