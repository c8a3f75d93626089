"""The preference `local`: a model on this machine, unless a hosted one is clearly better."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from agents.selection.candidates import Candidate
from agents.selection.evidence.near_best import LOCAL_MARGIN
from agents.selection.policy import Pick, PolicyInput

MAX_NAMED: Final = 3
"""Models on this machine whose reasons are named."""


def prefer_local(given: PolicyInput, otherwise: Pick) -> Pick:
    """Return the model on this machine to take; else the other pick, with the reason for it."""
    near, why = given.near_local.near, explain_local(given)
    if not near:
        return replace(otherwise, reason=f"{otherwise.reason} {why}")
    return Pick(order=tuple(dict.fromkeys((*near, *otherwise.order))), reason=why)


def explain_local(given: PolicyInput) -> str:
    """Return the sentence that says why a model on this machine is taken, or why none is."""
    found, estimates = given.near_local, given.estimates
    if found.first is None:
        return _explain_none(given.candidates)
    model = f"{found.first} ({estimates[found.first].describe()})"
    if found.best is None:
        return f"A model on this machine is preferred: {model}; no hosted one is eligible."
    best = f"the best hosted one, {found.best} ({estimates[found.best].describe()})"
    points = f"{LOCAL_MARGIN * 100:.0f} points"
    if found.near:
        return (
            f"A model on this machine is preferred: {model}, which is not expected to be more than "
            f"{points} worse than {best}."
        )
    return (
        f"A model on this machine is preferred, but {model} is expected to be more than {points} "
        f"worse than {best}."
    )


def _explain_none(candidates: Mapping[str, Candidate]) -> str:
    reasons = [
        f"{each.model_id}: {each.refused or each.set_aside}"
        for each in candidates.values()
        if each.profile.is_local
    ]
    if not reasons:
        return "A model on this machine is preferred, but none is served."
    named = "; ".join(reasons[:MAX_NAMED])
    more = f"; and {len(reasons) - MAX_NAMED} more" if len(reasons) > MAX_NAMED else ""
    return f"A model on this machine is preferred, but none is eligible ({named}{more})."
