"""Ladders: try a cheap model, check its answer, and go on to the next one when the check refuses.

What a ladder is worth depends on the check: one that accepts wrong answers ends it too early.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

STAGES: Final = 3
"""More weak rungs let more wrong answers through."""
BEAM: Final = 40
"""Ladders of each length that are made longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOdds:
    """How one model does at tasks at which those before it were refused. Shares, from 0 to 1."""

    quality: float
    """Good answers."""
    passed: float
    """Answers that the check accepts."""
    passed_good: float
    """Answers that it accepts and that are good."""
    cost_usd: float


class OddsSource(Protocol):
    """Where the shares come from: priors, what was observed, or recorded answers."""

    def trial(self, refused: tuple[str, ...], model_id: str) -> StageOdds | None:
        """Give what is known of a model after those refused; None: it cannot be said."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadePlan:
    """Models in the order in which they are asked, and what that may be expected to give."""

    rungs: tuple[str, ...]
    quality: float
    cost_usd: float


@dataclass(frozen=True, slots=True)
class _Stem:
    """A ladder whose last answer is still checked; more rungs may follow."""

    rungs: tuple[str, ...]
    gained: float
    cost_usd: float
    reach: float
    """The share of tasks for which the next rung is asked."""


def build_plans(
    models: Sequence[str], trials: OddsSource, *, rungs: int = STAGES
) -> list[CascadePlan]:
    """Give ladders of up to so many rungs; long ones only where they continue good short ones.

    The last answer of a ladder is taken as it is. The work grows with the square of `models`.
    """
    found: list[CascadePlan] = []
    stems = [_Stem((), 0.0, 0.0, 1.0)]
    for _ in range(rungs):
        grown: list[tuple[float, _Stem]] = []
        for stem in stems:
            for model in models:
                if model in stem.rungs:
                    continue
                trial = trials.trial(stem.rungs, model)
                if trial is None:
                    continue
                cost = stem.cost_usd + stem.reach * trial.cost_usd
                path = (*stem.rungs, model)
                quality = stem.gained + stem.reach * trial.quality
                found.append(CascadePlan(rungs=path, quality=quality, cost_usd=cost))
                stem_quality = stem.gained + stem.reach * trial.passed_good
                reach = stem.reach * (1 - trial.passed)
                if reach > 0:
                    grown.append((quality, _Stem(path, stem_quality, cost, reach)))
        stems = _best(grown) if len(grown) > BEAM * 2 and stems[0].rungs else _all(grown)
    return found


def evaluate_plan(rungs: Sequence[str], trials: OddsSource) -> CascadePlan | None:
    """Say what one ladder is worth; None where its trials are not known."""
    gained, cost, reach, quality = 0.0, 0.0, 1.0, 0.0
    for number, model in enumerate(rungs):
        trial = trials.trial(tuple(rungs[:number]), model)
        if trial is None:
            return None
        cost += reach * trial.cost_usd
        quality = gained + reach * trial.quality
        gained += reach * trial.passed_good
        reach *= 1 - trial.passed
    return CascadePlan(rungs=tuple(rungs), quality=quality, cost_usd=cost)


def find_frontier(found: Iterable[CascadePlan]) -> list[CascadePlan]:
    """Give those that no other one beats in cost and quality, the cheapest first."""
    best: list[CascadePlan] = []
    for each in sorted(found, key=lambda one: (one.cost_usd, -one.quality, one.rungs)):
        if not best or each.quality > best[-1].quality:
            best.append(each)
    return best


def find_cheapest(found: Iterable[CascadePlan], quality: float) -> CascadePlan | None:
    """Give the cheapest that is expected to be at least so good."""
    return next((each for each in find_frontier(found) if each.quality >= quality), None)


def _all(grown: list[tuple[float, _Stem]]) -> list[_Stem]:
    """Longer ladders start from cheap stems of every quality."""
    return _best(grown) if len(grown) > BEAM * BEAM else [stem for _, stem in grown]


def _best(grown: list[tuple[float, _Stem]]) -> list[_Stem]:
    """Keep half for being cheap for what they gained, and half for what they reach."""
    by_gain = sorted(grown, key=lambda each: -each[1].gained / (each[1].cost_usd + 1e-9))
    by_quality = sorted(grown, key=lambda each: (-each[0], each[1].cost_usd))
    kept = {stem.rungs: stem for _, stem in [*by_gain[:BEAM], *by_quality[:BEAM]]}
    return list(kept.values())
