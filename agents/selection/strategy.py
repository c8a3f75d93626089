"""From requirements to a choice: hard constraints, the person's model, the documented rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agents.selection.choice import Candidate, Choice
from agents.selection.preferences import Preferences
from agents.selection.requirements import Requirements
from agents.selection.rules import recommendations, rule_for
from providers.catalogue import Catalogue, Facts
from providers.errors import UnknownModel

CHARACTERS_PER_TOKEN = 3.0
"""A cautious estimate: code has more tokens per character than prose."""
ANSWER_TOKENS = 1_000
"""The least room that an answer needs beside the prompt."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Everything that a choice depends on, apart from the catalogue."""

    needs: Requirements
    requested: str | None = None
    preferences: Preferences = field(default_factory=Preferences)
    prompt_characters: int = 0
    served: Sequence[str] = ()
    """Lanes that somebody can execute now."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Models that already failed at this subtask, and how."""


def choose(wanted: Wanted, catalogue: Catalogue) -> Choice:
    """Choose a model; pure, and the same whatever the order of the catalogue.

    Raises NoModel with the reason when nothing is eligible, and UnknownModel when the person asked
    for a name that does not exist.
    """
    candidates = tuple(_candidate(lane, wanted, catalogue) for lane in sorted(set(wanted.served)))
    eligible = {each.model_id: each for each in candidates if each.refused is None}
    if wanted.requested:
        picked, reason = _requested(wanted.requested, eligible, candidates, catalogue)
    elif eligible:
        picked, reason = _by_rules(wanted.needs, eligible, candidates, catalogue)
    else:
        raise NoModel(_nothing(candidates), field=_culprit(wanted, catalogue))
    return Choice(
        requested=wanted.requested,
        selected=picked,
        reason=reason,
        candidates=candidates,
        needs=wanted.needs,
    )


def recommend(wanted: Wanted, catalogue: Catalogue) -> list[str]:
    """Give the eligible models in the order in which the rules would take them."""
    candidates = [_candidate(lane, wanted, catalogue) for lane in sorted(set(wanted.served))]
    eligible = [each.model_id for each in candidates if each.refused is None]
    first = [
        model for role in recommendations(wanted.needs) for model in _models_of(role, catalogue)
    ]
    return sorted(eligible, key=lambda id_: (first.index(id_) if id_ in first else len(first), id_))


def _requested(
    name: str, eligible: Mapping[str, Candidate], all_: Sequence[Candidate], catalogue: Catalogue
) -> tuple[Candidate, str]:
    ids, note = _ids_of(name, catalogue, served=[each.model_id for each in all_])
    for id_ in ids:
        if id_ in eligible:
            said = f" {note}" if note and id_ != ids[0] else ""
            return eligible[id_], f"The task asks for {name}.{said}"
    refused = {each.model_id: each.refused for each in all_}
    for id_ in ids:
        if id_ in refused:
            raise NoModel(
                f"model {name!r} cannot be taken: {refused[id_]}.", field="model", allowed=eligible
            )
    raise NoModel(
        f"model {name!r} is known, but no executor serves it now; "
        f"{_listing(eligible)} (see `cogo models` and `cogo doctor`).",
        field="model",
        allowed=eligible,
    )


def _by_rules(
    needs: Requirements,
    eligible: Mapping[str, Candidate],
    all_: Sequence[Candidate],
    catalogue: Catalogue,
) -> tuple[Candidate, str]:
    rule = rule_for(needs)
    wanted = _models_of(rule.role, catalogue)
    because = rule.because[0].upper() + rule.because[1:]
    for id_ in wanted:
        if id_ in eligible:
            return eligible[id_], f"{because}: the {rule.role} model."
    for role in recommendations(needs)[1:]:
        for id_ in _models_of(role, catalogue):
            if id_ in eligible:
                missed = f"the {rule.role} model {wanted[0]} {_why_not(wanted[0], all_)}"
                return eligible[id_], f"{because}, but {missed}; the {role} model stands in."
    id_ = min(eligible)
    return eligible[id_], (
        f"{because}, but none of the catalogue's roles is served here; {id_} is the first that is."
    )


def _candidate(lane: str, wanted: Wanted, catalogue: Catalogue) -> Candidate:
    facts = catalogue.facts(lane)
    return Candidate(
        model_id=lane,
        provider=facts.provider,
        capabilities=facts.capabilities,
        refused=_refusal(lane, facts, wanted, catalogue),
    )


def _refusal(lane: str, facts: Facts, wanted: Wanted, catalogue: Catalogue) -> str | None:
    wishes = wanted.preferences
    provider, window = facts.provider, facts.context_window
    tokens = int(wanted.prompt_characters / CHARACTERS_PER_TOKEN) + ANSWER_TOKENS
    if lane in wanted.failed:
        return f"it failed at this subtask already ({wanted.failed[lane]})"
    if lane in _named(wishes.denied_models, catalogue) or provider in wishes.denied_providers:
        return "the task's preferences deny it"
    if wishes.allowed_models and lane not in _named(wishes.allowed_models, catalogue):
        return "the task's preferences allow other models only"
    if wishes.allowed_providers and provider not in wishes.allowed_providers:
        return "the task's preferences allow other providers only"
    if wishes.data_policy == "local-only" and not facts.is_local:
        return "the task's data may not leave the machine"
    if window is not None and tokens > window:
        return f"the prompt has about {tokens} tokens and its window holds {window}"
    return None


def _named(names: Sequence[str], catalogue: Catalogue) -> set[str]:
    found: set[str] = set()
    for name in names:
        try:
            ids, _ = _ids_of(name, catalogue)
        except UnknownModel:
            ids = [name]
        found.update(ids)
    return found


def _ids_of(
    name: str, catalogue: Catalogue, served: Sequence[str] = ()
) -> tuple[list[str], str | None]:
    if name in served:
        return [name], None
    resolution = catalogue.resolve(name)
    return [id_ for id_ in (resolution.asked_id, resolution.model.id) if id_], resolution.note


def _models_of(role: str, catalogue: Catalogue) -> list[str]:
    return _ids_of(catalogue.roles[role], catalogue)[0] if role in catalogue.roles else []


def _why_not(id_: str, all_: Sequence[Candidate]) -> str:
    refused = {each.model_id: each.refused for each in all_}
    return f"is not eligible ({refused[id_]})" if id_ in refused else "is not served here"


def _nothing(all_: Sequence[Candidate]) -> str:
    if not all_:
        return "no executor runs that serves any model; start one: `cogo serve executor`."
    by_reason: dict[str | None, list[str]] = {}
    for each in all_:
        by_reason.setdefault(each.refused, []).append(each.model_id)
    reasons = "; ".join(f"{reason}: {_some(ids)}" for reason, ids in by_reason.items())
    return f"no model is eligible ({reasons})."


def _culprit(wanted: Wanted, catalogue: Catalogue) -> str | None:
    """Name the field without which a model would be eligible."""
    changes = {
        "prompt": replace(wanted, prompt_characters=0),
        "preferences": replace(wanted, preferences=Preferences()),
    }
    for field_, changed in changes.items():
        if any(_candidate(lane, changed, catalogue).refused is None for lane in wanted.served):
            return field_
    return None


def _some(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:NAMED])
    return shown if len(ids) <= NAMED else f"{shown} and {len(ids) - NAMED} more"


def _listing(eligible: Mapping[str, Candidate]) -> str:
    return (
        f"served are {', '.join(sorted(eligible))}" if eligible else "nothing else is served either"
    )
