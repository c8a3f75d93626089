"""The result of a choice, its record, and its comparison with other preferences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from agents.selection.candidates import Candidate
from agents.selection.evidence.estimates import Forecaster
from agents.selection.evidence.score import WEIGHTS, Score, score_estimate
from agents.selection.policy import Pick
from agents.selection.preferences import Preference
from agents.selection.request import SelectionRequest
from protocol.records import SelectionRecord

_DIGITS = 6


class Ranked(NamedTuple):
    """An eligible candidate with its score."""

    candidate: Candidate
    score: Score

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as they are recorded."""
        estimate, score = self.candidate.estimate, self.score
        cost, forecast = estimate.cost_usd, estimate.forecast
        parts = {
            "quality": score.quality,
            "cost": score.cost,
            "first_token": score.first_token,
            "duration": score.duration,
        }
        return {
            "score": round(score.total, _DIGITS),
            "parts": {name: round(part, _DIGITS) for name, part in parts.items()},
            "expected": {
                "quality": round(forecast.quality, _DIGITS),
                "low": round(forecast.low, _DIGITS),
                "high": round(forecast.high, _DIGITS),
                "outcomes": round(forecast.observed),
                "cost_usd": None if cost is None else round(cost, _DIGITS + 2),
                "first_token_ms": round(forecast.first_token_s * 1000),
                "total_ms": round(forecast.total_s * 1000),
                "health": forecast.health or "ok",
            },
        }

    def summarize(self) -> str:
        """Return the numbers as a sentence."""
        estimate = self.candidate.estimate
        cost = estimate.cost_usd
        price = "at an unknown price" if cost is None else f"for about ${cost:.4f}"
        return (
            f"Score {self.score.total:.3f}: expected quality {estimate.quality:.2f} {price} "
            f"in about {estimate.forecast.total_s:.1f} s."
        )


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The selected model, and the candidates."""

    request: SelectionRequest
    candidates: Mapping[str, Candidate]
    """All served models, by id."""
    pick: Pick
    selected: Candidate
    forecaster: Forecaster
    """What was known."""

    @property
    def reason(self) -> str:
        """The reason, as one sentence."""
        return self.pick.reason

    @cached_property
    def ranking(self) -> Mapping[str, Ranked]:
        """The eligible candidates by id, the picked one first.

        In the pick's order, then by score; those that soft constraints exclude come last.
        """
        weights = WEIGHTS[self.request.preferences.preference]
        ranked = {
            id_: Ranked(each, score_estimate(each.estimate, weights))
            for id_, each in self.candidates.items()
            if each.refused is None
        }
        rest = sorted(
            ranked,
            key=lambda id_: (ranked[id_].candidate.set_aside is not None, -ranked[id_].score.total),
        )
        return {id_: ranked[id_] for id_ in dict.fromkeys([*self.pick.order, *rest])}

    @property
    def alternatives(self) -> list[Ranked]:
        """The other eligible candidates, in the order of the ranking."""
        return [each for id_, each in self.ranking.items() if id_ != self.selected.model_id]

    def recommend(self, count: int) -> dict[str, str]:
        """Return up to `count` models, the selected one first, each with the reason for its rank.

        Models that soft constraints exclude are omitted.
        """
        others = [each for each in self.alternatives if each.candidate.set_aside is None]
        return {self.selected.model_id: self.reason} | {
            each.candidate.model_id: each.summarize() for each in others[: count - 1]
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

    def _record_candidates(self) -> list[dict[str, Any]]:
        """Return the candidates as they are recorded, the ranking first."""
        ranks = {id_: rank for rank, id_ in enumerate(self.ranking, start=1)}
        return [
            {
                "model_id": id_,
                "provider": self.candidates[id_].profile.provider,
                "refused": self.candidates[id_].refused,
                "set_aside": self.candidates[id_].set_aside,
                "rank": ranks.get(id_),
            }
            | (self.ranking[id_].to_json() if id_ in ranks else {})
            for id_ in dict.fromkeys([*ranks, *self.candidates])
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The best model by another preference, compared with the selected one."""

    preference: Preference
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
        return f"with {preference} preferred (policy scored): {self.model_id}{difference}"


def compare_preferences(candidates: Sequence[Mapping[str, Any]], selected: str) -> list[WhatIf]:
    """Weigh the recorded candidates by each preference; [] if no parts were recorded."""
    eligible = {
        each["model_id"]: each
        for each in candidates
        if not each.get("refused") and not each.get("set_aside") and each.get("parts")
    }
    taken = next((each for each in candidates if each["model_id"] == selected), {})
    results = []
    for preference in Preference if eligible else ():
        weights = WEIGHTS[preference]
        totals = {id_: weights.sum(**each["parts"]) for id_, each in eligible.items()}
        best = max(totals, key=lambda id_: (totals[id_], id_))
        if best != selected:
            results.append(
                WhatIf(
                    preference=preference,
                    model_id=best,
                    cheaper=_compute_ratio(taken, eligible[best], "cost_usd"),
                    faster=_compute_ratio(taken, eligible[best], "total_ms"),
                )
            )
    return results


def _compute_ratio(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> float | None:
    numerator = (one.get("expected") or {}).get(name)
    denominator = (other.get("expected") or {}).get(name)
    return numerator / denominator if numerator and denominator else None


def _format_times(ratio: float) -> str:
    more = ratio if ratio >= 1 else 1 / ratio
    return f"{more:.0f} times" if more >= 10 else f"{more:.1f} times"
