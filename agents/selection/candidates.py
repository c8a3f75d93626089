"""A survey of who is served: who may be taken, who may not and why, and what is expected."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from agents.selection.choice import Candidate
from agents.selection.constraints.hard import HARD, first_reason, tests_of
from agents.selection.constraints.soft import SOFT
from agents.selection.controls import find_active_controls
from agents.selection.evidence.knowledge import Knowledge
from agents.selection.evidence.observations import Observations
from agents.selection.limits import Limits
from agents.selection.model_profiles import ModelProfile, ProfileCache
from agents.selection.policy import CHECK_FAILED, Option, PolicyInput
from agents.selection.request import SelectionRequest
from agents.selection.rules import list_roles


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Candidates are in the order of their ids, however they were served."""

    bounds: Limits
    shelf: ProfileCache
    observations: Observations
    candidates: Mapping[str, Candidate]
    eligible: Mapping[str, Option]
    """Whom no hard constraint refuses."""
    options: Mapping[str, Option]
    """The same without those that are set aside, unless all are."""

    @classmethod
    def of(cls, wanted: SelectionRequest, shelf: ProfileCache, knowledge: Knowledge) -> Self:
        """Look at each served model once."""
        held = find_active_controls(knowledge.controls, wanted.owner, wanted.needs.task_type)
        bounds = Limits.of(wanted, shelf, knowledge.forecaster, held)
        hard, soft = tests_of(HARD, bounds), tests_of(SOFT, bounds)
        candidates: dict[str, Candidate] = {}
        eligible: dict[str, Option] = {}
        options: dict[str, Option] = {}
        lanes = sorted(set(wanted.served))
        cards = [shelf.card(lane) for lane in lanes]
        for lane, card, estimate in zip(lanes, cards, bounds.estimates(cards), strict=True):
            refused = first_reason(hard, card, estimate)
            aside = None
            if refused is None:
                option = eligible[lane] = Option(card, estimate)
                aside = first_reason(soft, card, estimate)
                if aside is None:
                    options[lane] = option
            candidates[lane] = Candidate(lane, card.provider, card.capabilities, refused, aside)
        return cls(
            bounds=bounds,
            shelf=shelf,
            observations=knowledge.observations,
            candidates=candidates,
            eligible=eligible,
            options=options or eligible,
        )

    def case(self) -> PolicyInput:
        """Give what a policy sees of it."""
        wanted = self.bounds.wanted
        return PolicyInput(
            needs=wanted.needs,
            preference=wanted.preferences.preference,
            options=self.options,
            roles={role: self.shelf.models_of(role) for role in list_roles(wanted.needs)},
            observations=self.observations,
            refused={
                id_: why
                for id_, each in self.candidates.items()
                if (why := each.refused or each.set_aside)
            },
            failed=wanted.failed,
            failed_price=self._failed_price(wanted),
            seed=wanted.seed,
            budget_usd=wanted.budget_usd,
            may_team=wanted.may_team,
        )

    def _failed_price(self, wanted: SelectionRequest) -> float:
        """Give what the dearest refused answer was expected to cost; a failed call says nothing."""
        cards: list[ModelProfile] = [
            self.shelf.card(id_) for id_, how in wanted.failed.items() if how == CHECK_FAILED
        ]
        costs = [self.bounds.estimate(card).cost_usd for card in cards]
        return max((cost for cost in costs if cost is not None), default=0.0)
