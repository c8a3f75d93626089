"""Cascades on recorded answers: planned on the training rows, measured on the test rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.selection.policies.cascade_plan import (
    CascadePlan,
    build_plans,
    evaluate_plan,
    find_frontier,
)
from benchmarks.routing.curve import Point
from benchmarks.routing.learning import Check, RecordedTrials
from benchmarks.routing.routing import best_single, mean_and_error, points_of_singles
from benchmarks.routing.table import Row

WANTED = ((2.0, 0.4), (1.5, 0.4), (1.0, 0.4), (1.0, 1.0), (0.5, 1.0))
"""Requirements for a cascade on the training rows, the strictest first: better than the best single
model by this many standard errors, for at most this share of its cost. The best of many candidates
looks better than it is, so a cascade may cost something to be safer."""
MAX_ROWS = 5_000
"""Training rows used to plan cascades; more rows give the same plan more slowly."""
MAX_MODELS = 60
CURVE = 24
"""Cascades of the frontier that are measured."""

SUPPOSED = (
    Check(name="perfect", true_positives=1.0, false_positives=0.0),
    Check(name="tp 0.95 fp 0.10", true_positives=0.95, false_positives=0.10),
    Check(name="tp 0.90 fp 0.20", true_positives=0.90, false_positives=0.20),
    Check(name="tp 0.80 fp 0.30", true_positives=0.80, false_positives=0.30),
)
RECORDED = Check(name="recorded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascaded:
    """The result of cascades with one check."""

    stages: tuple[str, ...]
    """The cascade chosen on the training rows; one stage means that it was declined."""
    point: Point
    curve: list[Point]


def cascade(
    models: tuple[str, ...],
    training: Sequence[Row],
    test: Sequence[Row],
    check: Check,
    *,
    tolerance: float = 0.0,
) -> Cascaded:
    """Plan the cheapest cascade that keeps the best single model's quality on the training rows."""
    rows = training[:MAX_ROWS]
    trials = RecordedTrials(models, rows, check)
    found = build_plans(_promising(models, rows), trials)
    best = find_frontier(found)
    chosen = _chosen(models[best_single(rows)], rows, best, trials, tolerance=tolerance)
    measured = RecordedTrials(models, test, check)
    step = max(1, len(best) // CURVE)
    shown = [*best[::step], best[-1], chosen]
    return Cascaded(
        stages=chosen.stages,
        point=_point(chosen, measured),
        curve=[_point(each, measured) for each in shown],
    )


def _chosen(
    name: str,
    rows: Sequence[Row],
    best: Sequence[CascadePlan],
    trials: RecordedTrials,
    *,
    tolerance: float,
) -> CascadePlan:
    single = best_single(rows)
    alone = points_of_singles(rows)[single]
    cheaper = [each for each in best if each.cost_usd < alone.cost]
    gains = []
    for each in cheaper:
        reached = zip(trials.qualities(each.stages), rows, strict=True)
        gains.append(mean_and_error([quality - row.quality[single] for quality, row in reached]))
    for sure, share in WANTED:
        for each, (gain, error) in zip(cheaper, gains, strict=True):
            if each.cost_usd < alone.cost * share and gain + tolerance >= sure * error:
                return each
    return CascadePlan(stages=(name,), quality=alone.quality, cost_usd=alone.cost)


def _promising(models: tuple[str, ...], rows: Sequence[Row]) -> list[str]:
    """Return at most `MAX_MODELS`: the best and the cheapest ones."""
    if len(models) <= MAX_MODELS:
        return list(models)
    singles = points_of_singles(rows)
    order = range(len(models))
    by_quality = sorted(order, key=lambda m: -singles[m].quality)[: MAX_MODELS // 2]
    by_cost = sorted(order, key=lambda m: singles[m].cost)[: MAX_MODELS // 2]
    return [models[m] for m in sorted({*by_quality, *by_cost})]


def _point(ladder: CascadePlan, trials: RecordedTrials) -> Point:
    """Measure a cascade; stages that no test row reaches cost nothing."""
    stages = ladder.stages
    while (found := evaluate_plan(stages, trials)) is None:
        stages = stages[:-1]
    return Point(found.cost_usd, found.quality)
