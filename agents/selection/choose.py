"""From requirements to a choice: hard constraints, the person's own model, then a policy."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from agents.selection.candidates import Survey
from agents.selection.choice import Candidate, Choice
from agents.selection.constraints.hard import HARD, first_reason, tests_of
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from agents.selection.limits import Limits
from agents.selection.model_profiles import get_profiles
from agents.selection.policies import POLICIES
from agents.selection.policy import Pick, PolicyInput
from agents.selection.preferences import Preferences
from agents.selection.request import SelectionRequest
from providers.catalogue.catalogue import Catalogue

__all__ = ["NoModel", "SelectionRequest", "choose_model"]

NAMED = 5
"""Models that a message names for each reason."""


class NoModel(Exception):
    """No candidate is eligible. `field` names what the person could change, if anything."""

    def __init__(
        self, message: str, *, field: str | None = None, allowed: Iterable[str] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.allowed = list(allowed)


def choose_model(
    wanted: SelectionRequest, catalogue: Catalogue, knowledge: Knowledge = NOTHING_KNOWN
) -> Choice:
    """Choose a model; pure, and the same whatever the order of the catalogue.

    Raises NoModel with the reason when nothing is eligible, and UnknownModel when the person asked
    for a name that does not exist.
    """
    shelf = get_profiles(catalogue, simulated=wanted.simulated)
    survey = Survey.of(wanted, shelf, knowledge)
    if wanted.requested:
        picked, reason = _requested(wanted.requested, survey)
        return _choice(survey, Pick(order=(picked,), reason=reason))
    if not survey.options:
        field, costs = _culprit(survey)
        why = _too_dear(wanted, costs) if costs else _nothing(survey.candidates)
        raise NoModel(why, field=field)
    pick = _picked(survey, survey.case())
    aside = survey.candidates[pick.order[0]].set_aside
    if aside:
        said = f"{pick.reason} Nothing better may be taken, although {aside}."
        pick = replace(pick, reason=said)
    return _choice(survey, pick)


def _choice(survey: Survey, pick: Pick) -> Choice:
    wanted = survey.bounds.wanted
    return Choice(
        requested=wanted.requested,
        selected=survey.candidates[pick.order[0]],
        reason=pick.reason,
        candidates=tuple(survey.candidates.values()),
        needs=wanted.needs,
        policy=wanted.policy.value,
        preference=wanted.preferences.preference,
        order=pick.order,
        eligible=survey.eligible,
        next_rung=pick.next_rung,
        team=pick.team,
    )


def _picked(survey: Survey, case: PolicyInput) -> Pick:
    """Let operators' pins decide, the closest first, else the policy; both within the options."""
    for id_, why in survey.bounds.standing.pinned.items():
        if id_ in case.options:
            return Pick(order=(id_,), reason=f"Operators pinned {id_} ({why}).")
    return POLICIES[survey.bounds.wanted.policy].pick(case)


def _requested(name: str, survey: Survey) -> tuple[str, str]:
    """Give the person's own model, or its successor; raises NoModel when it may not be taken."""
    known, eligible = survey.candidates, survey.eligible
    ids, note = ((name,), None) if name in known else survey.shelf.ids_of(name)
    for id_ in ids:
        if id_ in eligible:
            said = f" {note}" if note and id_ != ids[0] else ""
            return id_, f"The task asks for {name}.{said}"
    for id_ in ids:
        if id_ in known:
            raise NoModel(
                f"model {name!r} cannot be taken: {known[id_].refused}.",
                field="model",
                allowed=eligible,
            )
    raise NoModel(
        f"model {name!r} is known, but no executor serves it now; "
        f"{_listing(eligible)} (see `cogo models` and `cogo doctor`).",
        field="model",
        allowed=eligible,
    )


def _nothing(candidates: Mapping[str, Candidate]) -> str:
    if not candidates:
        return "no executor runs that serves any model; start one: `cogo serve executor`."
    by_reason: dict[str | None, list[str]] = {}
    for each in candidates.values():
        by_reason.setdefault(each.refused, []).append(each.model_id)
    reasons = "; ".join(f"{reason}: {_some(ids)}" for reason, ids in by_reason.items())
    return f"no model is eligible ({reasons})."


def _too_dear(wanted: SelectionRequest, costs: Mapping[str, float]) -> str:
    name = min(costs, key=lambda each: (costs[each], each))
    least = f"{math.ceil(costs[name] * 1e6) / 1e6:.6f}"
    return (
        f"${max(wanted.budget_usd or 0, 0):.4f} of the budget are left, which is too little: the "
        f"cheapest model that would do is {name}, for about ${least}."
    )


def _culprit(survey: Survey) -> tuple[str | None, Mapping[str, float]]:
    """Return the field without which a model would be eligible.

    If that is the budget, also what those models are expected to cost, in US dollars.
    """
    shelf, bounds = survey.shelf, survey.bounds
    wanted = bounds.wanted
    needs = wanted.needs.model_copy(update={"input_tokens": None, "modalities": ("text",)})
    changes = {
        "prompt": replace(wanted, prompt_characters=0, needs=needs),
        "preferences": replace(wanted, preferences=Preferences()),
        "budget_usd": replace(wanted, budget_usd=None),
    }
    for field, changed in changes.items():
        easier = Limits.of(changed, shelf, bounds.forecaster, bounds.standing)
        tests = tests_of(HARD, easier)
        cards = [shelf.card(lane) for lane in survey.candidates]
        estimates = {card.model_id: (card, easier.estimate(card)) for card in cards}
        fitting = {
            name: estimate.cost_usd
            for name, (card, estimate) in estimates.items()
            if first_reason(tests, card, estimate) is None
        }
        if fitting:
            costs = {name: cost for name, cost in fitting.items() if cost is not None}
            return field, costs if field == "budget_usd" else {}
    return None, {}


def _some(ids: list[str]) -> str:
    shown = ", ".join(ids[:NAMED])
    return shown if len(ids) <= NAMED else f"{shown} and {len(ids) - NAMED} more"


def _listing(eligible: Iterable[str]) -> str:
    names = ", ".join(sorted(eligible))
    return f"served are {names}" if names else "nothing else is served either"
