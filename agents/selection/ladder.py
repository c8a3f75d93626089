"""Several models for one piece of work: a ladder to climb while answers fail, or independent ones.

Pure: each function orders the candidates of a choice, all of them with the reason for their place.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final

from agents.selection.candidates import Candidate
from agents.selection.choice import Choice
from agents.selection.model_profiles import UNKNOWN_MAKER
from agents.selection.policies.cascade import find_acceptance, plan_models
from agents.selection.policies.planner import MAX_RUNGS, TIME_MARGIN

_STAGES: Final = ((True, True), (True, False), (False, True), (False, False))
"""Whether models satisfy the preference `local`, and are of another maker: in what order."""
MIN_REFUSED: Final = 0.001
"""The least share of answers that a check must refuse for another model to be provided for."""
MIN_RESCUED: Final = 0.02
"""How many more of the refused answers must be good if other models are asked. If what is expected
of these is not known so well, so many as it may be wrong by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One model, and why it is tried."""

    model_id: str
    maker: str
    reason: str
    expected_usd: float | None
    """Of one answer; None if its price is unknown."""
    reach: float = 1.0
    """The share of tasks at which it is expected to be asked."""

    def to_json(self) -> dict[str, Any]:
        """Return it as decisions record it."""
        return {
            "model": self.model_id,
            "maker": self.maker,
            "reason": self.reason,
            "expected_usd": self.expected_usd,
            "reach": round(self.reach, 4),
        }


def build_ladder(choice: Choice, *, most: int = MAX_RUNGS, calls: int = 1) -> list[Rung]:
    """Return the chosen model, then those to ask while the check refuses the answers.

    With the policy `cascade` it is its plan; otherwise the plan is made for what the chosen model
    leaves. A model that the task names is the only rung. Never more than `most`. `calls` is how
    often each model is asked before the next one.
    """
    if choice.request.requested is not None or most == 1:
        return [build_rung(choice.selected, choice.reason)]
    if (plan := choice.pick.plan) is not None:
        rungs = [
            _build_planned(choice, *each) for each in zip(plan.models, plan.reaches, strict=True)
        ]
        return [replace(rungs[0], reason=choice.reason), *rungs[1:most]]
    return [build_rung(choice.selected, choice.reason), *_continue(choice, most, calls)]


def find_strongest(choice: Choice) -> Candidate:
    """Return the eligible candidate that ranks highest, by `Choice.rank`."""
    return min(choice.ranking.values(), key=choice.rank)


def list_different_models(choice: Choice, count: int) -> list[Rung]:
    """Return up to `count` models, the chosen one first, of as many makers as possible.

    The best of each other maker follow, then further models by quality; with the preference
    `local`, first those of this machine. With a budget, one that the rest of it would not pay after
    those before it is left out.
    """
    first = choice.selected
    rungs = [build_rung(first, choice.reason)]
    left = inf if choice.request.budget_usd is None else choice.request.budget_usd - first.price
    makers = {first.profile.maker}
    named = {first.model_id}
    for is_near, is_new_maker in _STAGES:
        for each in sorted(_list_options(choice), key=choice.rank):
            if len(rungs) >= count:
                return rungs
            is_new = _is_of_new_maker(each, makers)
            if (choice.prefers_local([each]), is_new) != (is_near, is_new_maker):
                continue
            if each.model_id in named or each.price > left:
                continue
            why = "The best of another maker" if is_new else "No further maker is eligible"
            rungs.append(build_rung(each, _explain(each, why)))
            left -= each.price
            makers.add(each.profile.maker)
            named.add(each.model_id)
    return rungs


def build_panel(choice: Choice, roles: Mapping[str, Sequence[str]]) -> dict[str, Rung]:
    """Return a model for each role, in their order, of as many makers as possible and none twice.

    `roles` has the catalogue's models for each, best first. The first role gets the chosen model;
    each other one its own if no earlier role has one of that maker, else the best of another maker.
    With the preference `local` those of this machine precede a role's own.
    Roles that are left get further models of the same makers, or none.
    """
    options = _list_options(choice)
    first, *others = roles
    panel = {first: build_rung(choice.selected, choice.reason)}
    makers, budget = {choice.selected.profile.maker}, choice.request.budget_usd
    left = inf if budget is None else budget - choice.selected.price
    for is_near, is_new_maker in _STAGES:
        for role in (each for each in others if each not in panel):
            named = {each.model_id for each in panel.values()}
            free = [
                each
                for each in sorted(options, key=choice.rank)
                if each.model_id not in named
                and each.price <= left
                and is_near is choice.prefers_local([each])
                and is_new_maker is _is_of_new_maker(each, makers)
            ]
            own = next((each for id_ in roles[role] for each in free if each.model_id == id_), None)
            if (member := own or next(iter(free), None)) is None:
                continue
            why = "The best of another maker" if is_new_maker else "No further maker is eligible"
            why = f"The catalogue's model for {role}" if own else why
            panel[role] = build_rung(member, _explain(member, why))
            left -= member.price
            makers.add(member.profile.maker)
    return {role: panel[role] for role in roles if role in panel}


def list_team(choice: Choice) -> list[Rung]:
    """Return the models that answer before the chosen one combines their answers; else none."""
    return [
        build_rung(choice.candidates[id_], f"A member of the team. {choice.reason}")
        for id_ in choice.pick.team
    ]


def build_rung(candidate: Candidate, reason: str) -> Rung:
    """Return a candidate with the reason for its place."""
    cost = candidate.estimate.cost_usd
    return Rung(
        model_id=candidate.model_id,
        maker=candidate.profile.maker,
        reason=reason,
        expected_usd=None if cost is None else round(cost, 8),
    )


def _list_options(choice: Choice) -> list[Candidate]:
    """Return the eligible candidates in the choice's order; those set aside only if all are."""
    eligible = list(choice.ranking.values())
    return [
        each for each in eligible if each.set_aside is None and each.estimate.health is None
    ] or eligible


def _continue(choice: Choice, most: int, calls: int) -> list[Rung]:
    """Return the models after the chosen one, with the time and the budget that it leaves."""
    first, request = choice.selected, choice.request
    acceptance = find_acceptance(request, choice.given.forecaster)
    refused = 1.0 - acceptance.accept(first.estimate.quality)
    options = [each for each in _list_options(choice) if each is not first]
    seconds, usd = request.seconds_left, request.budget_usd
    after = replace(
        request,
        seconds_left=seconds and seconds - calls * first.estimate.forecast.total_s * TIME_MARGIN,
        budget_usd=usd and usd - calls * first.price,
    )
    planned = plan_models(
        after, options, choice.given.forecaster, refused=[first], calls=calls, most=most
    )
    if planned is None or refused < MIN_REFUSED:
        return []
    if planned.plan.quality < planned.kept + max(MIN_RESCUED, planned.doubt):
        return []
    stages = zip(planned.plan.models, planned.plan.reaches, strict=True)
    return [_build_planned(choice, id_, reach * refused) for id_, reach in stages]


def _build_planned(choice: Choice, model_id: str, reach: float) -> Rung:
    candidate = choice.candidates[model_id]
    why = f"Asked if the answers before it are refused, as expected of {reach:.0%} of tasks"
    return replace(build_rung(candidate, _explain(candidate, why)), reach=reach)


def _is_of_new_maker(candidate: Candidate, makers: Container[str]) -> bool:
    """Return whether a candidate's maker is known and not among `makers`."""
    maker = candidate.profile.maker
    return maker != UNKNOWN_MAKER and maker not in makers


def _explain(candidate: Candidate, why: str) -> str:
    return f"{why} ({candidate.estimate.describe()})."
