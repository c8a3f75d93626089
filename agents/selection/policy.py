"""One choice to be made: what a policy sees, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from random import Random
from typing import NamedTuple, Protocol

from agents.selection.evidence.estimates import Estimate
from agents.selection.evidence.observations import NO_OBSERVATIONS, Observations
from agents.selection.evidence.score import WEIGHTS, Weights, weigh_estimate
from agents.selection.model_profiles import ModelProfile
from agents.selection.preferences import Preference
from agents.selection.requirements import Requirements

CHECK_FAILED = "check_failed"
"""The error class of an answer that a check of the output refused."""


class Option(NamedTuple):
    """A model that may be taken."""

    card: ModelProfile
    estimate: Estimate

    @property
    def model_id(self) -> str:
        """The model's id, which is its lane."""
        return self.card.model_id

    @property
    def price(self) -> float:
        """Expected dollars; what has no known price is dearer than everything that has one."""
        cost = self.estimate.cost_usd
        return inf if cost is None else cost


@dataclass(frozen=True)
class PolicyInput:
    """Immutable, and the same whatever the order of the catalogue and of what is served."""

    needs: Requirements
    preference: Preference
    options: Mapping[str, Option]
    """At least one, by id, in the order of ids."""
    roles: Mapping[str, tuple[str, ...]]
    """The ids of each role that the documented rules name, in their order; not all are options."""
    observations: Observations = NO_OBSERVATIONS
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why each served model that is no option is none."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Models that failed at this subtask, and how, in order."""
    failed_price: float = 0.0
    """The expected dollars of the dearest of those."""
    seed: str = ""
    budget_usd: float | None = None
    may_team: bool = False
    weights: Weights | None = None
    """None: those of the preference."""

    @cached_property
    def default(self) -> str | None:
        """What the documented rules take, when it may be taken."""
        return next((id_ for id_ in self.documented if id_ in self.options), None)

    @cached_property
    def documented(self) -> tuple[str, ...]:
        """The models of the roles, in the order in which the rules would take them."""
        return tuple(dict.fromkeys(id_ for ids in self.roles.values() for id_ in ids))

    @cached_property
    def totals(self) -> Mapping[str, float]:
        """The score of each option by the task's preference."""
        weights = self.weights or WEIGHTS[self.preference]
        return {
            id_: weigh_estimate(option.estimate, weights) for id_, option in self.options.items()
        }

    @cached_property
    def by_score(self) -> tuple[str, ...]:
        """The options, the best score first; among equals in the order of ids."""
        totals = self.totals
        return tuple(sorted(self.options, key=totals.__getitem__, reverse=True))

    @cached_property
    def by_price(self) -> tuple[Option, ...]:
        """The options, the cheapest first; among equals in the order of ids."""
        return tuple(sorted(self.options.values(), key=_price))

    @property
    def checked_out(self) -> tuple[str, ...]:
        """The models whose answer a check refused, in order."""
        return tuple(id_ for id_, how in self.failed.items() if how == CHECK_FAILED)

    def chance(self) -> Random:
        """Give a source of chance that repeats itself for the same choice."""
        return Random(self.seed)  # noqa: S311  no secret depends on it

    def first(self, picked: str, rest: Sequence[str] | None = None) -> tuple[str, ...]:
        """Give all options, the picked one first and the others as in `rest`, or by score."""
        others = self.by_score if rest is None else rest
        return (picked, *(id_ for id_ in others if id_ != picked))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """What a policy answers."""

    order: tuple[str, ...]
    """The chosen one first, then as the policy would take them; the rest follows by score."""
    reason: str
    """One sentence for a person, with the numbers that decided."""
    next_rung: str | None = None
    """For a cascade: where a refused answer goes, None when this answer is taken as it is."""
    team: tuple[str, ...] = ()
    """For an ensemble: who answers, before the chosen model makes one answer of theirs."""


def _price(option: Option) -> float:
    return option.price


class Policy(Protocol):
    """A way to choose. Pure: chance comes from the case."""

    def pick(self, case: PolicyInput) -> Pick:
        """Put the options in order and say why."""
        ...
