"""The plan of a cascade: which models to ask in turn, and when to stop. Pure.

While the check refuses answers, the next model is asked; the last answer is handed over as it is.
What a plan is worth depends on the check as much as on the models: one that accepts bad answers
ends the cascade too early.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import inf, sqrt
from operator import itemgetter
from typing import Final, NamedTuple

from agents.selection.evidence.failures import Option, RemainingTasks
from agents.selection.policy import Plan

MAX_RUNGS: Final = 3
"""More weak models let more wrong answers through the check."""
MAX_OPTIONS: Final = 10
"""Models of which plans of several are made; the work grows with the square."""
BEST_OPTIONS: Final = 4
"""Those of them that are the best, whatever they cost."""
MAX_BEGUN: Final = 10
"""Plans of two models that are continued."""
LONGER: Final = 1.05
"""By what factor a shorter plan may be dearer and still be preferred."""
EQUAL: Final = 1e-9
"""Qualities that differ less are equal."""
TIME_MARGIN: Final = 1.25
"""Factor on expected times, so that a plan ends before the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How much of the best quality is given up for a lower price."""

    loss: float
    """At least so much, as for one model."""
    share: float
    """Or this share of what the check gains over the best model alone, if that is more."""
    saves_time: bool = False
    """Whether plans are compared by time in place of cost."""

    def find_floor(self, single: float, best: float) -> float:
        """Return the least quality, by those of the best model alone and of the best plan."""
        return best - max(self.loss, self.share * (best - single), EQUAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLimits:
    """What a plan may take at most, if all its models are asked."""

    rungs: int = MAX_RUNGS
    usd: float = inf
    seconds: float = inf

    def allow(self, usd: float, seconds: float) -> bool:
        """Return whether a plan may take so much."""
        return usd <= self.usd and seconds * TIME_MARGIN <= self.seconds


NO_LIMITS: Final = PlanLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCascade:
    """The plan that is preferred, beside the others that explain it."""

    plan: Plan
    alone: Plan
    """The one model that is preferred if there is no second one."""
    best: Plan
    """The plan of the highest expected quality."""
    kept: float
    """The share that is good of the answers that were refused before."""
    doubt: float
    """The standard deviation of what `plan` gains, as far as failures together are not known."""


def plan_cascade(
    options: Sequence[Option],
    remaining: RemainingTasks,
    *,
    tolerance: Tolerance,
    limits: PlanLimits = NO_LIMITS,
    keeps_best: bool = False,
) -> PlannedCascade | None:
    """Return the cheapest plan whose quality is not much below that of the best; None without any.

    `keeps_best`: if the last answer is refused too, the best of all is handed over in place of it.
    """
    search = _Search(remaining, tolerance, limits, keeps_best=keeps_best)
    singles = search.list_singles(options)
    if not singles:
        return None
    drafts = [*singles, *search.list_longer(singles)] if limits.rungs > 1 else singles
    best_single, best = min(singles, key=_get_loss), min(drafts, key=_get_loss)
    most = -tolerance.find_floor(-best_single[1], -best[1])
    plan = _find_cheapest([each for each in drafts if each[1] <= most])
    most = best_single[1] + tolerance.loss
    alone = min([each for each in singles if each[1] <= most], key=_rank)
    return PlannedCascade(
        plan=_build(plan),
        alone=_build(alone),
        best=_build(best),
        kept=remaining.kept,
        doubt=_compute_doubt(_build(plan), remaining),
    )


def list_undominated(losses: Iterable[float]) -> list[int]:
    """Return the places of models that may be part of a best plan, of all in order of their price.

    One is not if as many models as a plan has are both cheaper and better.
    """
    kept = []
    leaders = [1.0] * MAX_RUNGS
    for number, loss in enumerate(losses):
        if loss < leaders[-1]:
            kept.append(number)
            leaders[-1] = loss
            leaders.sort()
    return kept


class _Prefix(NamedTuple):
    """The beginning of a plan, all answers of which are checked."""

    options: tuple[Option, ...]
    reaches: tuple[float, ...]
    price: float
    """Expected dollars, or seconds."""
    usd: float
    """Dollars if all are asked, like the seconds that follow."""
    seconds: float
    gained: float
    """The share of tasks with a good answer that was accepted."""
    reach: float
    """The share of tasks at which all were refused."""
    remaining: RemainingTasks


_Draft = tuple[float, float, float, _Prefix, Option]
"""A plan while it is compared with others: its price; its loss, which is the negative quality, so
that of drafts of one price the least is the best; the share of tasks at which its last model is
asked that it does well; what comes before that model; and the model. A plain tuple, because a
choice makes hundreds."""

_Promise = tuple[float, float, _Draft]
"""A draft that may be continued, with its price and the loss if the best model came next."""


class _Search:
    """The search for plans of several models."""

    def __init__(
        self,
        remaining: RemainingTasks,
        tolerance: Tolerance,
        limits: PlanLimits,
        *,
        keeps_best: bool,
    ) -> None:
        self._start = _Prefix((), (), 0.0, 0.0, 0.0, 0.0, 1.0, remaining)
        self._acceptance = remaining.acceptance
        self._by_time = tolerance.saves_time
        self._limits = limits
        self._keeps_best = keeps_best

    def list_singles(self, options: Sequence[Option]) -> list[_Draft]:
        """Return a plan for each option that fits the limits and has a known price."""
        return self._continue(self._start, [each for each in options if each.cost_usd != inf])

    def list_longer(self, singles: Sequence[_Draft]) -> list[_Draft]:
        """Return plans of two models, and those of three that continue promising ones."""
        firsts = _prune(singles)
        options = [each[4] for each in firsts]
        found: list[_Draft] = []
        begun: list[_Promise] = []
        for single in firsts:
            prefix = self._extend(single)
            if prefix.reach > 0.0 and (pairs := self._continue(prefix, options)):
                found += pairs
                if self._limits.rungs > 2:
                    begun += self._list_promises(prefix, pairs)
        for pair in _find_promising(begun):
            found += self._continue(self._extend(pair), options)
        return found

    def _extend(self, draft: _Draft) -> _Prefix:
        """Return a draft as the beginning of longer ones."""
        price, _, quality, prefix, option = draft
        good, bad = self._acceptance
        accepted = good * quality + bad * (1.0 - quality)
        return _Prefix(
            (*prefix.options, option),
            (*prefix.reaches, prefix.reach),
            price,
            prefix.usd + option.cost_usd,
            prefix.seconds + option.seconds,
            prefix.gained + prefix.reach * good * quality,
            prefix.reach * (1.0 - accepted),
            prefix.remaining.refuse(option),
        )

    def _continue(self, prefix: _Prefix, options: Sequence[Option]) -> list[_Draft]:
        """Return the plans that end with one more model."""
        begun, _, so_far, usd, seconds, gained, reach, remaining = prefix
        limits, by_time, keeps_best = self._limits, self._by_time, self._keeps_best
        most_usd, most_seconds = limits.usd - usd, limits.seconds / TIME_MARGIN - seconds
        options = [
            each
            for each in options
            if each.cost_usd <= most_usd and each.seconds <= most_seconds and each not in begun
        ]
        found = []
        for each, (quality, best) in zip(options, remaining.expect_best(options), strict=True):
            handed_over = best if keeps_best else quality
            price = so_far + reach * (each.seconds if by_time else each.cost_usd)
            found.append((price, -gained - reach * handed_over, quality, prefix, each))
        return found

    def _list_promises(self, prefix: _Prefix, pairs: Sequence[_Draft]) -> list[_Promise]:
        """Return plans of two, with their price and the loss if the best model came next."""
        gained, reach = prefix.gained, prefix.reach
        good, bad = self._acceptance
        losses = sorted([each[1] for each in pairs])
        promises = []
        for each in pairs:
            price, loss, quality, _, _ = each
            next_loss = losses[0] if loss > losses[0] or len(losses) == 1 else losses[1]
            refused = 1.0 - bad - (good - bad) * quality
            promise = gained + reach * good * quality + refused * (-next_loss - gained)
            promises.append((price, -promise, each))
        return promises


def _prune(singles: Sequence[_Draft]) -> list[_Draft]:
    """Return the models of which plans are made.

    Of more than `MAX_OPTIONS` the best and the cheapest are kept, and some between.
    """
    ranked = sorted(singles, key=_rank)
    kept = [ranked[n] for n in list_undominated([each[1] for each in ranked])]
    if len(kept) <= MAX_OPTIONS:
        return kept
    ranked = sorted(kept, key=_get_loss)
    best, others = ranked[:BEST_OPTIONS], ranked[BEST_OPTIONS:]
    steps = MAX_OPTIONS - BEST_OPTIONS
    most, least = others[-1][1], others[0][1]
    width = (most - least) / steps or 1.0
    by_step: dict[int, _Draft] = {}
    for each in sorted(others, reverse=True, key=_rank):
        by_step[min(int((each[1] - least) / width), steps - 1)] = each
    return [*best, *by_step.values()]


def _find_promising(begun: Sequence[_Promise]) -> list[_Draft]:
    """Return a few beginnings: the most promising, and the cheapest that promise as much."""
    best = nsmallest(MAX_BEGUN // 2, begun, key=_get_loss)
    taken = {id(each) for each in best}
    others: list[_Promise] = []
    least = 1.0
    for each in sorted(begun, key=_rank):
        if each[1] < least:
            least = each[1]
            if id(each) not in taken:
                others.append(each)
    return [each[2] for each in (*best, *others[-(MAX_BEGUN - len(best)) :])]


def _find_cheapest(drafts: Sequence[_Draft]) -> _Draft:
    """Return the cheapest draft; a shorter one that is hardly dearer."""
    cheapest = min(drafts, key=_rank)
    for length in range(len(cheapest[3].options)):
        shorter = [each for each in drafts if len(each[3].options) == length]
        if shorter and (found := min(shorter, key=_rank))[0] <= cheapest[0] * LONGER:
            return found
    return cheapest


def _compute_doubt(plan: Plan, remaining: RemainingTasks) -> float:
    squares = 0.0
    for option, reach in zip(plan.options, plan.reaches, strict=True):
        squares += (reach * remaining.doubt(option)) ** 2
        remaining = remaining.refuse(option)
    return sqrt(squares)


def _build(draft: _Draft) -> Plan:
    _, loss, _, prefix, option = draft
    return Plan((*prefix.options, option), (*prefix.reaches, prefix.reach), -loss)


_rank = itemgetter(0, 1)
_get_loss = itemgetter(1)
