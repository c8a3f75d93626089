"""The choice of a model: hard constraints, then the requested model, pins, or a policy."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from agents.errors import NoModel
from agents.selection.candidates import Candidate, list_candidates
from agents.selection.choice import Choice
from agents.selection.constraints.hard import HARD, build_tests, find_reason
from agents.selection.evidence.knowledge import (
    NOTHING_KNOWN,
    ActiveControls,
    Knowledge,
    find_active_controls,
)
from agents.selection.model_profiles import ProfileCache, get_profile_cache
from agents.selection.policies.auto import Auto
from agents.selection.policies.cascade import Cascade
from agents.selection.policies.cheapest_fastest import Cheapest, Fastest
from agents.selection.policies.ensemble import Ensemble
from agents.selection.policies.local import prefer_local
from agents.selection.policies.rules import Rules, apply_rules, find_rule, list_roles
from agents.selection.policies.scored import Scored
from agents.selection.policy import Pick, Policy, PolicyInput
from agents.selection.preferences import Preference, Preferences
from agents.selection.request import ResolvedRequest, SelectionRequest
from protocol.records.models import PolicyName
from providers.catalogue.catalogue import Catalogue

POLICIES: Final[Mapping[PolicyName, Policy]] = {
    PolicyName.AUTO: Auto(),
    PolicyName.RULES: Rules(),
    PolicyName.SCORED: Scored(),
    PolicyName.CHEAPEST: Cheapest(),
    PolicyName.FASTEST: Fastest(),
    PolicyName.CASCADE: Cascade(),
    PolicyName.EXPLORE: Scored(),
    PolicyName.ENSEMBLE: Ensemble(),
}

_PULLS: Final[Mapping[str, tuple[str, str]]] = {
    "ollama": ("Ollama", "ollama pull"),
    "lmstudio": ("LM Studio", "lms get"),
}
"""Servers that download models themselves, and the command."""
MAX_NAMED = 5
"""Maximum number of reasons, and of models for each, that a message names."""


def choose_model(
    request: SelectionRequest, catalogue: Catalogue, knowledge: Knowledge = NOTHING_KNOWN
) -> Choice:
    """Choose a model. Pure, and independent of the order of the catalogue and the lanes.

    Raises NoModel if no candidate is eligible, and UnknownModel if the requested name does not
    exist.
    """
    profiles = get_profile_cache(
        catalogue, simulated=request.simulated, open_models=request.open_models
    )
    controls = find_active_controls(knowledge.controls, request.owner, request.needs.task_type)
    resolved = ResolvedRequest.resolve(request, profiles, knowledge.forecaster, controls)
    candidates = list_candidates(resolved, profiles)
    given = _build_input(resolved, candidates, profiles, mistakes=knowledge.mistakes)
    if request.requested:
        pick = _pick_requested(request.requested, candidates, profiles)
    elif all(each.refused for each in candidates.values()):
        raise _explain_no_model(resolved, candidates, profiles)
    else:
        pick = _pick_freely(given, resolved.controls)
    rule = find_rule(request.needs, request.preferred_role)
    is_ruled = request.policy is PolicyName.AUTO and not rule.is_last and given.default is not None
    return Choice(
        given=given,
        pick=pick,
        selected=candidates[pick.order[0]],
        ruled=apply_rules(given)[0] if is_ruled else None,
    )


def _build_input(
    resolved: ResolvedRequest,
    candidates: Mapping[str, Candidate],
    profiles: ProfileCache,
    *,
    mistakes: float,
) -> PolicyInput:
    request = resolved.request
    roles = list_roles(request.needs, request.preferred_role)
    return PolicyInput(
        request=request,
        candidates=candidates,
        roles={role: profiles.resolve_role(role) for role in roles},
        forecaster=resolved.forecaster,
        mistakes=mistakes,
    )


def _pick_freely(given: PolicyInput, controls: ActiveControls) -> Pick:
    """Pick a model that operators pinned, the most specific pin first, else by the policy."""
    for id_, why in controls.pinned.items():
        if id_ in given.options:
            pick = Pick(order=(id_,), reason=f"Operators pinned {id_} ({why}).")
            break
    else:
        pick = POLICIES[given.request.policy].pick(given)
        if given.preference is Preference.LOCAL:
            pick = prefer_local(given, pick)
    aside = given.candidates[pick.order[0]].set_aside
    if aside:
        note = f"It was chosen although {aside}, because no other model is eligible."
        pick = replace(pick, reason=f"{pick.reason} {note}")
    return pick


def _pick_requested(name: str, candidates: Mapping[str, Candidate], profiles: ProfileCache) -> Pick:
    """Pick the requested model or its successor; raises NoModel if it is not eligible."""
    ids, note = ((name,), None) if name in candidates else profiles.resolve(name)
    for id_ in ids:
        if id_ in candidates and candidates[id_].refused is None:
            hint = f" {note}" if note and id_ != ids[0] else ""
            return Pick(order=(id_,), reason=f"The task asks for {name}.{hint}")
    eligible = [id_ for id_, each in candidates.items() if each.refused is None]
    for id_ in ids:
        if id_ in candidates:
            raise NoModel(
                f"model {name!r} cannot be used: {candidates[id_].refused}.",
                field="model",
                allowed=eligible,
            )
    provider, _, own_name = name.partition("/")
    is_simulated = bool(eligible) and all(profiles.get(each).is_simulated for each in eligible)
    if provider in _PULLS and own_name and not is_simulated:
        raise _explain_not_pulled(name, candidates)
    others = f"available models: {_shorten(eligible)}" if eligible else "no other is available"
    if is_simulated:
        others += ", all simulated: `cogo up` uses a local model only if it is served at its start"
    raise NoModel(
        f"model {name!r} is known, but no executor serves it now; "
        f"{others} (see `cogo models` and `cogo doctor`).",
        field="model",
        allowed=eligible,
    )


def _explain_not_pulled(name: str, candidates: Mapping[str, Candidate]) -> NoModel:
    """Return the error for a model that a server of the operator does not have."""
    provider, _, own_name = name.partition("/")
    server, pull = _PULLS[provider]
    there = [id_ for id_ in candidates if id_.startswith(f"{provider}/")]
    near = get_close_matches(name, there, n=len(there) or 1, cutoff=0.0)
    if near:
        message = f"{name!r} is not at {server}: `{pull} {own_name}`; it has {_shorten(near)}."
    else:
        message = (
            f"{name!r} cannot be used: no running executor finds {server} with a model; start "
            f"{server}, and `{pull} {own_name}`."
        )
    usable = [id_ for id_ in near if candidates[id_].refused is None]
    return NoModel(message, field="model", allowed=usable)


def _explain_no_model(
    resolved: ResolvedRequest, candidates: Mapping[str, Candidate], profiles: ProfileCache
) -> NoModel:
    """Return the error, with the task's field that excludes every model, if there is one."""
    request = resolved.request
    needs = request.needs.model_copy(update={"input_tokens": None, "modalities": ("text",)})
    relaxed = {
        "prompt": replace(request, prompt_characters=0, needs=needs),
        "preferences": replace(request, preferences=Preferences()),
        "budget_usd": replace(request, budget_usd=None),
    }
    for field, changed in relaxed.items():
        costs = _list_eligible_costs(changed, resolved, candidates, profiles)
        if costs:
            known = {id_: cost for id_, cost in costs.items() if cost is not None}
            if field == "budget_usd" and known:
                return NoModel(_explain_budget(request.budget_usd, known), field=field)
            return NoModel(_explain_refusals(candidates), field=field)
    return NoModel(_explain_refusals(candidates))


def _list_eligible_costs(
    request: SelectionRequest,
    resolved: ResolvedRequest,
    candidates: Iterable[str],
    profiles: ProfileCache,
) -> dict[str, float | None]:
    """Return the models that would be eligible for another request, with their expected cost."""
    changed = ResolvedRequest.resolve(request, profiles, resolved.forecaster, resolved.controls)
    tests = build_tests(HARD, changed)
    models = [profiles.get(lane) for lane in candidates]
    return {
        profile.model_id: estimate.cost_usd
        for profile, estimate in zip(models, changed.estimate(models), strict=True)
        if find_reason(tests, profile, estimate) is None
    }


def _explain_refusals(candidates: Mapping[str, Candidate]) -> str:
    if not candidates:
        return "no executor that serves a model is running; start one: `cogo serve executor`."
    by_reason: dict[str | None, list[str]] = {}
    for id_, each in candidates.items():
        by_reason.setdefault(each.refused, []).append(id_)
    usual = sorted(by_reason.items(), key=lambda each: -len(each[1]))
    reasons = [f"{reason}: {_shorten(ids)}" for reason, ids in usual[:MAX_NAMED]]
    if rest := sum(len(ids) for _, ids in usual[MAX_NAMED:]):
        reasons.append(f"{rest} more for other reasons")
    return f"no model is eligible ({'; '.join(reasons)})."


def _explain_budget(budget_usd: float | None, costs: Mapping[str, float]) -> str:
    cheapest = min(costs, key=lambda id_: (costs[id_], id_))
    least = f"{math.ceil(costs[cheapest] * 1e6) / 1e6:.6f}"
    return (
        f"${max(budget_usd or 0, 0):.6f} of the budget is left, which is too little: the "
        f"cheapest suitable model, {cheapest}, would cost about ${least}."
    )


def _shorten(ids: list[str]) -> str:
    shown = ", ".join(ids[:MAX_NAMED])
    return shown if len(ids) <= MAX_NAMED else f"{shown} and {len(ids) - MAX_NAMED} more"
