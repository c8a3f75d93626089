"""Several models for one piece of work: a ladder to climb while answers fail, or independent ones.

Pure: each function orders the candidates of a choice, all of them with the reason for their place.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from agents.selection.candidates import Candidate
from agents.selection.choice import Choice
from agents.selection.model_profiles import UNKNOWN_MAKER

MAX_RUNGS: Final = 3
"""More weak models let more wrong answers through the check."""
MAX_QUALITY_LOSS: Final = 0.15
"""How much worse than the first model the second may be expected to be, if any such is eligible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One model, and why it is tried."""

    model_id: str
    maker: str
    reason: str
    expected_usd: float | None
    """None if its price is unknown."""

    def to_json(self) -> dict[str, Any]:
        """Return it as decisions record it."""
        return {
            "model": self.model_id,
            "maker": self.maker,
            "reason": self.reason,
            "expected_usd": self.expected_usd,
        }


def build_ladder(choice: Choice, *, most: int = MAX_RUNGS) -> list[Rung]:
    """Return the chosen model, then one of another maker if there is one, then the strongest.

    A model that the task names is the only rung. Never more than `most`, and no model twice.
    """
    first = choice.selected
    rungs = [build_rung(first, choice.reason)]
    if choice.request.requested is not None:
        return rungs
    options = _list_options(choice)
    second = _find_second(choice, options)
    if second is not None:
        is_other = second.profile.maker != first.profile.maker
        why = f"Another maker than that of {first.model_id}" if is_other else "The policy's next"
        rungs.append(build_rung(second, _explain(second, why)))
    strongest = find_strongest(options)
    if strongest.model_id not in {each.model_id for each in rungs}:
        rungs.append(build_rung(strongest, _explain(strongest, "Expected to be the best")))
    return rungs[:most]


def find_strongest(candidates: Iterable[Candidate]) -> Candidate:
    """Return the candidate of the highest expected quality; the cheapest of equal ones."""
    return min(candidates, key=_rank_by_quality)


def list_different_models(choice: Choice, count: int) -> list[Rung]:
    """Return up to `count` models, the chosen one first, of as many makers as possible.

    The best of each other maker follow, then further models by quality. With a budget, one that
    the rest of it would not pay after those before it is left out.
    """
    first = choice.selected
    rungs = [build_rung(first, choice.reason)]
    left = inf if choice.request.budget_usd is None else choice.request.budget_usd - first.price
    makers = {first.profile.maker}
    named = {first.model_id}
    for is_new_maker in (True, False):
        for each in sorted(_list_options(choice), key=_rank_by_quality):
            if len(rungs) >= count:
                return rungs
            is_new = _is_of_new_maker(each, makers)
            if each.model_id in named or is_new is not is_new_maker or each.price > left:
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
    Roles that are left get further models of the same makers, or none.
    """
    options = _list_options(choice)
    first, *others = roles
    panel = {first: build_rung(choice.selected, choice.reason)}
    makers, budget = {choice.selected.profile.maker}, choice.request.budget_usd
    left = inf if budget is None else budget - choice.selected.price
    for is_new_maker in (True, False):
        for role in (each for each in others if each not in panel):
            named = {each.model_id for each in panel.values()}
            free = [
                each
                for each in sorted(options, key=_rank_by_quality)
                if each.model_id not in named
                and each.price <= left
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
    eligible = [each.candidate for each in choice.ranking.values()]
    return [
        each for each in eligible if each.set_aside is None and each.estimate.health is None
    ] or eligible


def _find_second(choice: Choice, options: list[Candidate]) -> Candidate | None:
    """Return the model to try after the first: if possible of another maker; None without any.

    The policy's next one, else the next that is about as good as the chosen one, else the best.
    """
    first = choice.selected
    planned = [each for each in options if each.model_id == choice.pick.escalate_to]
    others = [each for each in options if each.profile.maker != first.profile.maker]
    least = first.estimate.quality - MAX_QUALITY_LOSS
    good = [each for each in others if each.estimate.quality >= least]
    in_order = [*planned, *good, *sorted(others, key=_rank_by_quality)]
    return next(iter([*(each for each in in_order if each in others), *planned]), None)


def _is_of_new_maker(candidate: Candidate, makers: Container[str]) -> bool:
    """Return whether a candidate's maker is known and not among `makers`."""
    maker = candidate.profile.maker
    return maker != UNKNOWN_MAKER and maker not in makers


def _rank_by_quality(candidate: Candidate) -> tuple[float, float, str]:
    return (-candidate.estimate.quality, candidate.price, candidate.model_id)


def _explain(candidate: Candidate, why: str) -> str:
    return f"{why} ({candidate.estimate.describe()})."
