"""Cascade plans: call a cheap model, check its answer, and call the next one if the check fails.

The value of a plan depends on the check: one that accepts wrong answers ends the plan too early.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

STAGES: Final = 3
"""More weak stages let more wrong answers through."""
BEAM: Final = 40
"""Plans of each length that are extended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOdds:
    """Odds of one model at tasks at which those before it failed the check. Shares, 0 to 1."""

    quality: float
    """Good answers."""
    passed: float
    """Answers that pass the check."""
    passed_good: float
    """Answers that pass and are good."""
    cost_usd: float


class OddsSource(Protocol):
    """Source of the shares: priors, observations, or recorded answers."""

    def get_odds(self, refused: tuple[str, ...], model_id: str) -> StageOdds | None:
        """Return the odds of a model after those refused; None if unknown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadePlan:
    """Models in the order in which they are called, and the expected result."""

    stages: tuple[str, ...]
    quality: float
    cost_usd: float


@dataclass(frozen=True, slots=True)
class _Prefix:
    """The start of a plan, whose last answer is still checked."""

    stages: tuple[str, ...]
    gained: float
    cost_usd: float
    reach: float
    """The share of tasks that reach the next stage."""


def build_plans(
    models: Sequence[str], source: OddsSource, *, stages: int = STAGES
) -> list[CascadePlan]:
    """Return plans of up to `stages` stages; long ones only extend good short ones.

    The last answer of a plan is accepted unchecked. The work grows with the square of `models`.
    """
    plans: list[CascadePlan] = []
    prefixes = [_Prefix((), 0.0, 0.0, 1.0)]
    for _ in range(stages):
        grown: list[tuple[float, _Prefix]] = []
        for prefix in prefixes:
            for model in models:
                if model in prefix.stages:
                    continue
                odds = source.get_odds(prefix.stages, model)
                if odds is None:
                    continue
                cost = prefix.cost_usd + prefix.reach * odds.cost_usd
                path = (*prefix.stages, model)
                quality = prefix.gained + prefix.reach * odds.quality
                plans.append(CascadePlan(stages=path, quality=quality, cost_usd=cost))
                gained = prefix.gained + prefix.reach * odds.passed_good
                reach = prefix.reach * (1 - odds.passed)
                if reach > 0:
                    grown.append((quality, _Prefix(path, gained, cost, reach)))
        # Longer plans start from cheap prefixes of every quality.
        most = BEAM * 2 if prefixes[0].stages else BEAM * BEAM
        prefixes = _keep_best(grown) if len(grown) > most else [each for _, each in grown]
        if not prefixes:
            break
    return plans


def evaluate_plan(stages: Sequence[str], source: OddsSource) -> CascadePlan | None:
    """Return the expected result of one plan; None if odds are unknown."""
    gained, cost, reach, quality = 0.0, 0.0, 1.0, 0.0
    for number, model in enumerate(stages):
        odds = source.get_odds(tuple(stages[:number]), model)
        if odds is None:
            return None
        cost += reach * odds.cost_usd
        quality = gained + reach * odds.quality
        gained += reach * odds.passed_good
        reach *= 1 - odds.passed
    return CascadePlan(stages=tuple(stages), quality=quality, cost_usd=cost)


def find_frontier(plans: Iterable[CascadePlan]) -> list[CascadePlan]:
    """Return the plans that no other one beats in both cost and quality, the cheapest first."""
    best: list[CascadePlan] = []
    for each in sorted(plans, key=lambda one: (one.cost_usd, -one.quality, one.stages)):
        if not best or each.quality > best[-1].quality:
            best.append(each)
    return best


def find_cheapest(plans: Iterable[CascadePlan], quality: float) -> CascadePlan | None:
    """Return the cheapest plan of at least this expected quality."""
    return next((each for each in find_frontier(plans) if each.quality >= quality), None)


def _keep_best(grown: list[tuple[float, _Prefix]]) -> list[_Prefix]:
    """Keep those that gain most per dollar, and those of the highest quality."""
    by_gain = sorted(grown, key=lambda each: -each[1].gained / (each[1].cost_usd + 1e-9))
    by_quality = sorted(grown, key=lambda each: (-each[0], each[1].cost_usd))
    kept = {each.stages: each for _, each in [*by_gain[:BEAM], *by_quality[:BEAM]]}
    return list(kept.values())
