"""All policies on one table, over several splits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from agents.selection.evidence.score import WEIGHTS
from agents.selection.policies.cheapest_fastest import Cheapest
from agents.selection.policies.scored import Scored
from agents.selection.preferences import Preference
from benchmarks.routing.cascading import RECORDED, SUPPOSED, cascade
from benchmarks.routing.curve import Point, aiq, cost_of
from benchmarks.routing.learning import Check
from benchmarks.routing.routing import (
    QUALITY_WEIGHTS,
    best_single,
    chooser_of,
    explored,
    field_of,
    measured,
    points_of_singles,
    tuned,
    weighing,
)
from benchmarks.routing.table import Row, Table

EQUAL = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One policy on the test rows of one split."""

    name: str
    point: Point
    """At the setting chosen on the training rows."""
    curve: Sequence[Point] = ()
    """At every setting, for the area."""
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One split: the entries and the baselines."""

    seed: int
    training: int
    test: int
    single: Point
    """The best model of the training rows, measured on the test rows."""
    oracle: Point
    low: float
    high: float
    """The limits of areas: costs of the cheapest model and of the most expensive model that is
    better than all cheaper ones."""
    entries: Sequence[Entry] = field(default_factory=list)

    def figures(self, entry: Entry) -> dict[str, float | None]:
        """Return the figures of one entry relative to the best single model."""
        points = [*entry.curve, entry.point]
        reached = cost_of(points, self.single.quality - EQUAL)
        gap = self.oracle.quality - self.single.quality
        gained = entry.point.quality - self.single.quality
        return {
            "quality": entry.point.quality,
            "cost": entry.point.cost,
            "quality_gain": gained,
            "cost_ratio": entry.point.cost / self.single.cost if self.single.cost else None,
            "aiq": aiq(points, low=self.low, high=self.high),
            "perf_gain": max(each.quality for each in points) - self.single.quality,
            "cost_save": None
            if reached is None or not self.single.cost
            else 1 - reached / self.single.cost,
            "oracle_gap_closed": gained / gap if gap > EQUAL else None,
        }


def evaluate(
    table: Table,
    *,
    seeds: Sequence[int],
    share: float,
    tolerance: float,
    supposed: Sequence[Check] = SUPPOSED,
) -> list[Split]:
    """Evaluate every policy for each seed. Raise `BadTable` if there are too few rows."""
    return [_split(table, seed, share, tolerance, supposed) for seed in seeds]


def _split(
    table: Table, seed: int, share: float, tolerance: float, supposed: Sequence[Check]
) -> Split:
    training, test = table.split(seed=seed, share=share)
    models, singles = table.models, points_of_singles(test)
    known = points_of_singles(training)
    chosen = best_single(training)
    oracle = _oracle(test)
    better = [
        p for p in singles if not any(o.cost < p.cost and o.quality >= p.quality for o in singles)
    ]
    entries = [
        Entry(name="best single", point=singles[chosen], said=models[chosen]),
        Entry(name="random", point=_mean(singles)),
        Entry(name="oracle", point=oracle),
        Entry(
            name="zero router",
            point=singles[chosen],
            curve=[singles[m] for m in _hull_members(known)],
            said="mixes of single models",
        ),
        *_routed(models, training, test, tolerance),
    ]
    checks = [*([RECORDED] if table.has_checks else []), *supposed]
    for check in checks:
        found = cascade(models, training, test, check, tolerance=tolerance)
        entries.append(
            Entry(
                name=f"cascade, {check.name}",
                point=found.point,
                curve=found.curve,
                said=" -> ".join(found.stages)
                if len(found.stages) > 1
                else "declined: best single",
            )
        )
    return Split(
        seed=seed,
        training=len(training),
        test=len(test),
        single=singles[chosen],
        oracle=oracle,
        low=min(each.cost for each in better),
        high=max(each.cost for each in better),
        entries=entries,
    )


def _routed(
    models: tuple[str, ...], training: Sequence[Row], test: Sequence[Row], tolerance: float
) -> Iterator[Entry]:
    field_ = field_of(models, training, by_category=True)
    cheapest = field_.chooser(Cheapest())
    yield Entry(name="cheapest", point=measured(models, test, cheapest))
    curve = [
        measured(models, test, field_.chooser(Scored(), weighing(weight)))
        for weight in QUALITY_WEIGHTS
    ]
    setting = tuned(models, training, tolerance=tolerance)
    tuned_point = measured(models, test, chooser_of(setting, models, training))
    yield Entry(name="scored, tuned", point=tuned_point, curve=curve, said=setting.label)
    for preference in (Preference.QUALITY, Preference.BALANCED, Preference.COST):
        choose = field_.chooser(Scored(), WEIGHTS[preference])
        yield Entry(name=f"scored, {preference.value}", point=measured(models, test, choose))
    learned, way = explored(models, training, Preference.QUALITY)
    yield Entry(
        name="explore, quality",
        point=measured(models, test, learned.chooser(Scored(), WEIGHTS[Preference.QUALITY])),
        said=f"while learning {way.quality:.3f} at ${way.cost:.6f}",
    )


def _oracle(rows: Sequence[Row]) -> Point:
    best = [
        min(zip(row.cost, row.quality, strict=True), key=lambda p: (-p[1], p[0])) for row in rows
    ]
    return Point(
        sum(each[0] for each in best) / len(rows), sum(each[1] for each in best) / len(rows)
    )


def _mean(points: Sequence[Point]) -> Point:
    return Point(
        sum(each.cost for each in points) / len(points),
        sum(each.quality for each in points) / len(points),
    )


def _hull_members(points: Sequence[Point]) -> list[int]:
    """Return the models on the Pareto front of cost and quality."""
    order = sorted(range(len(points)), key=lambda m: (points[m].cost, -points[m].quality))
    members: list[int] = []
    for m in order:
        if not members or points[m].quality > points[members[-1]].quality:
            members.append(m)
    return members


def summary(splits: Sequence[Split]) -> list[dict[str, Any]]:
    """Return one row per policy: the median of each figure, and the worst where it matters."""
    rows = []
    for number, first in enumerate(splits[0].entries):
        found = [split.figures(split.entries[number]) for split in splits]
        medians = {name: _median([each[name] for each in found]) for name in found[0]}
        gains = [each["quality_gain"] or 0.0 for each in found]
        ratios = [each["cost_ratio"] or 0.0 for each in found]
        rows.append(
            {"policy": first.name}
            | medians
            | {
                "worst_quality_gain": min(gains),
                "worst_cost_ratio": max(ratios),
                "settings": sorted({split.entries[number].said for split in splits} - {""}),
            }
        )
    return rows


def _median(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return median(known) if len(known) == len(values) else None
