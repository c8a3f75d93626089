"""The policy `cascade`: models are asked in turn while a check refuses their answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Final

from agents.selection.candidates import Candidate
from agents.selection.evidence.checks import (
    LABELS,
    Acceptance,
    CheckName,
    estimate_acceptance,
)
from agents.selection.evidence.estimates import Forecaster
from agents.selection.evidence.failures import Option
from agents.selection.evidence.near_best import TOLERANCES as LOSSES
from agents.selection.policies.auto import Auto
from agents.selection.policies.planner import (
    MAX_RUNGS,
    PlanLimits,
    PlannedCascade,
    Tolerance,
    list_undominated,
    plan_cascade,
)
from agents.selection.policy import Pick, PolicyInput
from agents.selection.preferences import Preference
from agents.selection.request import SelectionRequest

SHARES: Final[Mapping[Preference, float]] = {
    Preference.QUALITY: 0.05,
    Preference.BALANCED: 0.12,
    Preference.SPEED: 0.12,
    Preference.COST: 0.30,
    Preference.LOCAL: 0.12,
}
"""How much of what a check gains may be given up for a lower price."""
TOLERANCES: Final[Mapping[Preference, Tolerance]] = {
    preference: Tolerance(
        loss=loss, share=SHARES[preference], saves_time=preference is Preference.SPEED
    )
    for preference, loss in LOSSES.items()
}
KEEPING_BEST: Final[frozenset[CheckName]] = frozenset({"run", "written_tests"})
"""Checks that show which of several answers is the best, although all are refused."""
MIN_GAIN: Final = 0.005
"""By how much a cascade must raise the expected quality, unless it is cheaper."""
MAX_PRICE: Final = 0.9
"""The most that a cascade without this gain may cost, as a share of the one model's price."""


class Cascade:
    """Plans which models to ask, and asks only one where the check is too weak for more."""

    def pick(self, given: PolicyInput) -> Pick:
        """Pick the first model of a plan, or after refused answers the next one of a new plan."""
        request = given.request
        asked = [
            given.candidates[id_] for id_ in request.refused_answers if id_ in given.candidates
        ]
        options = given.options.values()
        planned = plan_models(request, options, given.forecaster, refused=asked)
        if planned is None:
            return _choose_one(given, "no model of known price fits the budget and the deadline")
        if not asked and not is_worthwhile(planned, request):
            return _choose_one(given, _explain_weakness(planned, given))
        plan = planned.plan
        if asked:
            last, error = list(request.failed.items())[-1]
            reason = f"{last} failed ({error}), so now {_describe_plan(planned, given)}."
        else:
            alone = given.options[planned.alone.models[0]].estimate
            reason = (
                f"First {_describe_plan(planned, given)}: expected quality {plan.quality:.3f} for "
                f"about ${plan.cost_usd:.4f}, where {planned.alone.models[0]} alone has "
                f"{planned.alone.quality:.3f} for {alone.describe_cost()}."
            )
        order = dict.fromkeys((plan.models[0], *(each.model_id for each in given.by_price)))
        return Pick(order=tuple(order), plan=plan, reason=reason)


def plan_models(
    request: SelectionRequest,
    candidates: Iterable[Candidate],
    forecaster: Forecaster,
    *,
    refused: Sequence[Candidate] = (),
    calls: int = 1,
    most: int = MAX_RUNGS,
) -> PlannedCascade | None:
    """Plan which of these models to ask, after those whose answers were refused.

    Never more than `most`, those included. `calls` is how often each is asked before the next one.
    None if no model of known price fits the budget and the deadline.
    """
    acceptance = find_acceptance(request, forecaster)
    remaining = forecaster.failures.start(request.needs.kind, acceptance)
    for each in map(_build_option, refused):
        remaining = remaining.refuse(each)
    budget, left = request.budget_usd, request.seconds_left
    limits = PlanLimits(
        rungs=max(min(most, MAX_RUNGS) - len(refused), 1),
        usd=inf if budget is None else budget / calls,
        seconds=inf if left is None else left / calls,
    )
    tolerance = TOLERANCES[request.preferences.preference]
    promising = candidates
    if not refused:
        promising = _list_undominated(candidates, limits, by_time=tolerance.saves_time)
    return plan_cascade(
        [_build_option(each) for each in promising if each not in refused],
        remaining,
        tolerance=tolerance,
        limits=limits,
        keeps_best=request.check in KEEPING_BEST,
    )


def find_acceptance(request: SelectionRequest, forecaster: Forecaster) -> Acceptance:
    """Return what the check of a request accepts."""
    seen = forecaster.observations.checks.get((request.check, request.needs.kind))
    return estimate_acceptance(request.check, seen)


def is_worthwhile(planned: PlannedCascade, request: SelectionRequest) -> bool:
    """Return whether a plan is better than one model alone, or cheaper and hardly worse."""
    plan, alone = planned.plan, planned.alone
    if len(plan.options) == 1:
        return False
    if plan.quality >= alone.quality + max(MIN_GAIN, planned.doubt):
        return True
    if TOLERANCES[request.preferences.preference].saves_time:
        return plan.seconds <= alone.seconds * MAX_PRICE
    return plan.cost_usd <= alone.cost_usd * MAX_PRICE


def _list_undominated(
    candidates: Iterable[Candidate], limits: PlanLimits, *, by_time: bool
) -> list[Candidate]:
    """Return what the planner would keep of these candidates, without an option for each."""
    found: list[tuple[float, float, int, Candidate]] = []
    for each in candidates:
        cost, forecast = each.estimate.cost_usd, each.estimate.forecast
        if cost is not None and limits.allow(cost, forecast.total_s):
            found.append(
                (forecast.total_s if by_time else cost, -forecast.quality, len(found), each)
            )
    found.sort()
    return [found[n][3] for n in list_undominated([each[1] for each in found])]


def _build_option(candidate: Candidate) -> Option:
    estimate = candidate.estimate
    return Option(
        candidate.model_id,
        candidate.profile.maker,
        estimate.quality,
        candidate.price,
        estimate.forecast.total_s,
    )


def _choose_one(given: PolicyInput, why: str) -> Pick:
    alone = Auto().pick(given)
    return replace(alone, reason=f"No cascade, because {why}. {alone.reason}")


def _explain_weakness(planned: PlannedCascade, given: PolicyInput) -> str:
    """Return why one model alone is as good."""
    acceptance = find_acceptance(given.request, given.forecaster)
    label = LABELS[given.request.check]
    if len(planned.best.options) == 1:
        return f"{label} {acceptance.describe()}, and no second model would add anything"
    return (
        f"{label} {acceptance.describe()}, so that more models would raise the expected quality "
        f"only from {planned.alone.quality:.3f} to {planned.best.quality:.3f}"
    )


def _describe_plan(planned: PlannedCascade, given: PolicyInput) -> str:
    """Return the models of a plan in their order, with how often each is asked."""
    plan = planned.plan
    first, *others = plan.models
    described = f"{first} ({given.options[first].estimate.describe()})"
    if not others:
        return described
    following = " and then ".join(
        f"{id_} (for {reach:.1%} of tasks)"
        for id_, reach in zip(others, plan.reaches[1:], strict=True)
    )
    return f"{described}; while {LABELS[given.request.check]} refuses the answers, {following}"
