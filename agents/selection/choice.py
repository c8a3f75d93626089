"""The result of a choice, its record, and its comparison with other preferences."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agents.selection.candidates import Candidate
from agents.selection.evidence.estimates import DIGITS, RECORDED
from agents.selection.policy import Pick, PolicyInput
from agents.selection.preferences import Preference
from agents.selection.request import SelectionRequest
from protocol.records import CandidateColumns, SelectionRecord
from protocol.records.models import PolicyName


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The selected model, and the candidates."""

    given: PolicyInput
    pick: Pick
    selected: Candidate
    ruled: str | None = None
    """The model that a documented rule picks under the policy `auto`, whatever the preference."""

    @property
    def request(self) -> SelectionRequest:
        """The request."""
        return self.given.request

    @property
    def candidates(self) -> Mapping[str, Candidate]:
        """All served models, by id."""
        return self.given.candidates

    @property
    def reason(self) -> str:
        """The reason, as one sentence."""
        return self.pick.reason

    @cached_property
    def ranking(self) -> Mapping[str, Candidate]:
        """The eligible candidates by id, the picked one first.

        In the pick's order, then by quality; those that soft constraints exclude come last.
        """
        eligible = {id_: each for id_, each in self.candidates.items() if each.refused is None}
        rest = sorted(eligible, key=lambda id_: _rank(eligible[id_]))
        return {id_: eligible[id_] for id_ in dict.fromkeys([*self.pick.order, *rest])}

    @property
    def alternatives(self) -> list[Candidate]:
        """The other eligible candidates, in the order of the ranking."""
        return [each for id_, each in self.ranking.items() if id_ != self.selected.model_id]

    @cached_property
    def by_preference(self) -> Mapping[Preference, str]:
        """The model that each preference takes, under the policy `auto` or else `scored`.

        Trials do not count, nor what the task or operators named.
        """
        given, is_auto = self.given, self.request.policy is PolicyName.AUTO
        taken = {
            each: self.ruled or given.find_near_best(each, anchored=is_auto).picked
            for each in Preference
        }
        near = given.near_local.near
        return taken | ({Preference.LOCAL: near[0]} if near else {})

    def prefers_local(self, candidates: Iterable[Candidate]) -> bool:
        """Return whether the preference is `local`, and one of the candidates satisfies it."""
        is_wanted = self.request.preferences.preference is Preference.LOCAL
        return is_wanted and any(each.model_id in self.given.near_local.near for each in candidates)

    def rank(self, candidate: Candidate) -> tuple[bool, float, float, str]:
        """Return the key that orders candidates by quality, the cheapest of equal ones first.

        With the preference `local`, those that satisfy it come before all others.
        """
        is_later = not self.prefers_local([candidate])
        return (is_later, -candidate.estimate.quality, candidate.price, candidate.model_id)

    def recommend(self, count: int) -> dict[str, str]:
        """Return up to `count` models, the selected one first, each with the reason for its rank.

        Models that soft constraints exclude are omitted.
        """
        others = [each for each in self.alternatives if each.set_aside is None]
        return {self.selected.model_id: self.reason} | {
            each.model_id: f"Expected {each.estimate.describe()}." for each in others[: count - 1]
        }

    def to_record(self, *, key: str | None = None) -> SelectionRecord:
        """Return the record that is stored and announced."""
        request, selected = self.request, self.selected
        eligible = {id_: each for id_, each in self.candidates.items() if each.refused is None}
        return SelectionRecord(
            key=key,
            requested_model=request.requested,
            selected_model=selected.model_id,
            provider=selected.profile.provider,
            policy=request.policy.value,
            requirements=request.needs.model_dump(mode="json", by_alias=True)
            | {"preference": request.preferences.preference.value},
            candidates=self._record_candidates(),
            available_models=list(eligible),
            model_capabilities={
                id_: list(each.profile.capabilities) for id_, each in eligible.items()
            },
            reason=self.reason,
        )

    def _record_candidates(self) -> CandidateColumns:
        """Return the candidates as they are recorded, the ranking first."""
        ranking, candidates = self.ranking, self.candidates
        order = [*ranking, *(id_ for id_ in candidates if id_ not in ranking)]
        estimates = [each.estimate for each in ranking.values()]
        numbers = zip(*(each.forecast.numbers for each in estimates), strict=True)
        expected: dict[str, list[Any]] = dict(zip(RECORDED, map(list, numbers), strict=True))
        expected["cost_usd"] = [
            None if each.cost_usd is None else round(each.cost_usd, DIGITS + 2)
            for each in estimates
        ]
        notes: dict[str, dict[str, Any]] = {}
        for id_, each in candidates.items():
            if each.refused is not None:
                notes.setdefault(id_, {})["refused"] = each.refused
            elif each.estimate.forecast.notes:
                notes.setdefault(id_, {})["expected"] = each.estimate.forecast.notes
            if each.set_aside is not None:
                notes.setdefault(id_, {})["set_aside"] = each.set_aside
        for preference, taken in self.by_preference.items():
            notes.setdefault(taken, {}).setdefault("preferred_by", []).append(preference.value)
        return CandidateColumns(
            model_id=order,
            provider=[candidates[id_].profile.provider for id_ in order],
            expected=expected,
            notes=notes,
        )


def _rank(candidate: Candidate) -> tuple[bool, float, float, str]:
    return (
        candidate.set_aside is not None,
        -candidate.estimate.quality,
        candidate.price,
        candidate.model_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What another preference takes, compared with the selected model."""

    preference: Preference
    policy: PolicyName
    """The policy under which it does: that of the choice if it is `auto`, else `scored`."""
    model_id: str
    cheaper: float | None
    """How many times; below 1 it costs more. None if a price is unknown or 0."""
    faster: float | None
    """How many times, to the end of the answer."""

    def sentence(self) -> str:
        """Return the comparison for a person."""
        words = [
            f"{_format_times(ratio)} {better if ratio >= 1 else worse}"
            for ratio, better, worse in (
                (self.cheaper, "cheaper", "more expensive"),
                (self.faster, "faster", "slower"),
            )
            if ratio is not None and not 0.95 <= ratio <= 1.05
        ]
        difference = f": {', '.join(words)}" if words else ""
        preference = self.preference.value
        policy = self.policy.value
        return f"with {preference} preferred (policy {policy}): {self.model_id}{difference}"


def compare_preferences(
    candidates: Sequence[Mapping[str, Any]], selected: str, policy: str | None
) -> list[WhatIf]:
    """Return what the other preferences would have taken of the candidates of a record.

    `selected` and `policy` are those of the record.
    """
    taken = next((each for each in candidates if each["model_id"] == selected), {})
    by = {
        preference: each
        for each in candidates
        for preference in each.get("preferred_by") or ()
        if each["model_id"] != selected
    }
    return [
        WhatIf(
            preference=each,
            policy=PolicyName.AUTO if policy == PolicyName.AUTO else PolicyName.SCORED,
            model_id=by[each]["model_id"],
            cheaper=_compute_ratio(taken, by[each], "cost_usd"),
            faster=_compute_ratio(taken, by[each], "total_ms"),
        )
        for each in Preference
        if each in by
    ]


def _compute_ratio(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> float | None:
    numerator = (one.get("expected") or {}).get(name)
    denominator = (other.get("expected") or {}).get(name)
    return numerator / denominator if numerator and denominator else None


def _format_times(ratio: float) -> str:
    more = ratio if ratio >= 1 else 1 / ratio
    return f"{more:.0f} times" if more >= 10 else f"{more:.1f} times"
