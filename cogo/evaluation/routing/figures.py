"""The figures of an evaluation over all splits, for people and programs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from cogo.evaluation.routing.evaluation import Key, Split, SplitResult
from cogo.evaluation.routing.records import Records

_MOST_NAMED: Final = 3
_EQUAL: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingFigures:
    """One policy, as means over the splits."""

    regime: str
    name: str
    preference: str | None
    check: str | None
    answers: int | None
    quality: float
    points: float
    """Its quality less that of the best single model, in hundredths."""
    cost_usd: float
    cost_share: float | None
    """Its cost as a share of the best single model's; None if that one is free."""
    worst_points: float
    """In the split in which it was worst."""
    worst_cost_share: float | None
    gain_share: float | None
    """For a cascade: the share of the gain over the best single model that the best plan has; None
    if no plan is better."""
    ceiling_cost: float | None
    """For a cascade: its cost as a multiple of the best plan's."""
    paid_points: float | None
    """While it learned: the quality of what it chose on the way, as points."""
    paid_cost_share: float | None
    chosen: dict[str, float]
    """The shares of the prompts by model, or by the models of a cascade; the most frequent."""


def summarize_splits(splits: Sequence[Split]) -> list[RoutingFigures]:
    """Return the figures of all that was measured, in the order of measurement."""
    return [_summarize(key, splits) for key in splits[0].measured]


def _summarize(key: Key, splits: Sequence[Split]) -> RoutingFigures:
    pairs = [(split, split.measured[key]) for split in splits]
    gains = [_get_points(each.point.quality, split) for split, each in pairs]
    shares = [_divide(each.point.cost, split.single.cost) for split, each in pairs]
    paid = [(split, each.paid) for split, each in pairs if each.paid is not None]
    chosen: Counter[str] = Counter()
    for _, each in pairs:
        chosen.update(each.chosen)
    total = sum(chosen.values())
    return RoutingFigures(
        regime=key.regime,
        name=key.name,
        preference=key.preference,
        check=key.check,
        answers=key.answers,
        quality=fmean(each.point.quality for _, each in pairs),
        points=fmean(gains),
        cost_usd=fmean(each.point.cost for _, each in pairs),
        cost_share=_mean(shares),
        worst_points=min(gains),
        worst_cost_share=_find_most(shares),
        gain_share=_compare_gains(pairs, key.check),
        ceiling_cost=_compare_costs(pairs, key.check),
        paid_points=_mean([_get_points(each.quality, split) for split, each in paid]),
        paid_cost_share=_mean([_divide(each.cost, split.single.cost) for split, each in paid]),
        chosen={name: count / total for name, count in chosen.most_common(_MOST_NAMED)},
    )


def _compare_gains(pairs: Sequence[tuple[Split, SplitResult]], check: str | None) -> float | None:
    """Return the gain of all splits together as a share of that of the best plans."""
    if check is None:
        return None
    possible = sum(_get_points(s.ceilings[check].best.point.quality, s) for s, _ in pairs)
    gained = sum(_get_points(each.point.quality, split) for split, each in pairs)
    return gained / possible if possible > _EQUAL else None


def _compare_costs(pairs: Sequence[tuple[Split, SplitResult]], check: str | None) -> float | None:
    """Return the cost of all splits together as a multiple of that of the best plans."""
    if check is None:
        return None
    best = sum(split.ceilings[check].best.point.cost for split, _ in pairs)
    return _divide(sum(each.point.cost for _, each in pairs), best)


def _get_points(quality: float, split: Split) -> float:
    return 100 * (quality - split.single.quality)


def _divide(cost: float, by: float) -> float | None:
    return cost / by if by > 0 else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _find_most(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return max(known) if known and len(known) == len(values) else None


def build_report(records: Records, splits: Sequence[Split]) -> dict[str, Any]:
    """Return everything for programs."""
    return {
        "prompts": len(records.prompts),
        "models": list(records.models),
        "categories": list(records.categories),
        "notes": list(records.notes),
        "splits": [
            {"seed": each.seed, "learned": each.learned, "judged": each.judged} for each in splits
        ],
        "figures": summarize_splits(splits),
    }
