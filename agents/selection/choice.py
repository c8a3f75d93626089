"""A choice of a model, with its reason and what it was chosen from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from agents.selection.evidence.estimates import Estimate
from agents.selection.evidence.score import WEIGHTS, Score, score_estimate
from agents.selection.policy import Option
from agents.selection.preferences import Preference
from agents.selection.requirements import Requirements
from protocol.records import SelectionRecord

_DIGITS = 6


class Candidate(NamedTuple):
    """One model that was looked at; `refused` says why it was not eligible."""

    model_id: str
    provider: str
    capabilities: tuple[str, ...]
    refused: str | None = None
    set_aside: str | None = None
    """Why others were preferred, though nothing forbids this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A model that could have been taken instead, with the numbers."""

    model_id: str
    score: Score
    estimate: Estimate

    def numbers(self) -> dict[str, Any]:
        """Give the numbers as they are recorded."""
        expected, score = self.estimate, self.score
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
                "quality": round(expected.quality, _DIGITS),
                "outcomes": expected.outlook.observed,
                "cost_usd": None
                if expected.cost_usd is None
                else round(expected.cost_usd, _DIGITS + 2),
                "first_token_ms": round(expected.outlook.first_token_s * 1000),
                "total_ms": round(expected.outlook.total_s * 1000),
                "health": expected.health or "ok",
            },
        }

    def summary(self) -> str:
        """Return the numbers as a sentence."""
        expected = self.estimate
        cost = expected.cost_usd
        price = "at an unknown price" if cost is None else f"for about ${cost:.4f}"
        return (
            f"Score {self.score.total:.3f}: expected quality {expected.quality:.2f} {price} "
            f"in about {expected.outlook.total_s:.1f} s."
        )


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was chosen and why."""

    requested: str | None
    selected: Candidate
    reason: str
    candidates: tuple[Candidate, ...]
    needs: Requirements
    policy: str = "rules"
    preference: Preference = Preference.BALANCED
    order: tuple[str, ...] = ()
    """What a policy chose from, in its order."""
    eligible: Mapping[str, Option] = field(default_factory=dict)
    """Everything that could be taken, by id."""
    next_rung: str | None = None
    """Where a cascade goes when a check refuses the answer; None: it is taken as it is."""
    team: tuple[str, ...] = ()
    """Who answers before the selected model makes one answer of theirs."""

    @cached_property
    def ranking(self) -> Mapping[str, Alternative]:
        """Everything that could be taken with its numbers, in the order in which it would be.

        The chosen one is first; what is set aside comes last.
        """
        weights = WEIGHTS[self.preference]
        found = {
            id_: Alternative(
                model_id=id_, score=score_estimate(each.estimate, weights), estimate=each.estimate
            )
            for id_, each in self.eligible.items()
        }
        aside = {each.model_id for each in self.candidates if each.set_aside}
        rest = sorted(found, key=lambda id_: (id_ in aside, -found[id_].score.total))
        return {id_: found[id_] for id_ in dict.fromkeys([*self.order, *rest])}

    @property
    def alternatives(self) -> list[Alternative]:
        """Give what could have been taken instead, the likeliest first."""
        chosen = self.selected.model_id
        return [each for id_, each in self.ranking.items() if id_ != chosen]

    def recommended(self, count: int) -> dict[str, str]:
        """Return at most `count` models, the chosen one first, each with the reason for its place.

        What is set aside is not recommended.
        """
        aside = {each.model_id for each in self.candidates if each.set_aside}
        others = [each for each in self.alternatives if each.model_id not in aside]
        return {self.selected.model_id: self.reason} | {
            each.model_id: each.summary() for each in others[: count - 1]
        }

    def for_member(self, model_id: str) -> "Choice":
        """Give the choice of one member of the team."""
        member = next(each for each in self.candidates if each.model_id == model_id)
        return replace(self, selected=member, team=(), next_rung=None)

    def record(self, *, key: str | None = None) -> SelectionRecord:
        """Give the choice as it is stored and announced."""
        eligible = [each for each in self.candidates if each.refused is None]
        return SelectionRecord(
            key=key,
            requested_model=self.requested,
            selected_model=self.selected.model_id,
            provider=self.selected.provider,
            policy=self.policy,
            requirements=self.needs.model_dump(mode="json", by_alias=True)
            | {"preference": self.preference.value},
            candidates=self._recorded(),
            available_models=[each.model_id for each in eligible],
            model_capabilities={each.model_id: list(each.capabilities) for each in eligible},
            reason=self.reason,
        )

    def _recorded(self) -> list[dict[str, Any]]:
        """Give the candidates, what could be taken first and in its order."""
        ranks = {id_: rank for rank, id_ in enumerate(self.ranking, start=1)}
        after = len(ranks) + 1
        ordered = sorted(self.candidates, key=lambda each: ranks.get(each.model_id, after))
        return [
            {
                "model_id": each.model_id,
                "provider": each.provider,
                "refused": each.refused,
                "set_aside": each.set_aside,
                "rank": ranks.get(each.model_id),
            }
            | (self.ranking[each.model_id].numbers() if each.model_id in self.ranking else {})
            for each in ordered
        ]
