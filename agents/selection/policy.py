"""The interface of a policy: `PolicyInput` in, `Pick` out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import NamedTuple, Protocol

from agents.selection.candidates import Candidate
from agents.selection.evidence.estimates import Estimate, Forecaster
from agents.selection.evidence.failures import Option
from agents.selection.evidence.near_best import (
    NearBest,
    NearLocal,
    find_near_best,
    find_near_local,
    get_tolerance,
)
from agents.selection.evidence.observations import NO_OBSERVATIONS, Observations
from agents.selection.preferences import Preference
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements


@dataclass(frozen=True, kw_only=True)
class PolicyInput:
    """The candidates of one choice. Independent of the order of the catalogue and the lanes."""

    request: SelectionRequest
    candidates: Mapping[str, Candidate]
    """By id, in the order of ids."""
    roles: Mapping[str, tuple[str, ...]]
    """The ids of each role that the documented rules name, in their order."""
    forecaster: Forecaster = field(default_factory=lambda: Forecaster(NO_OBSERVATIONS))
    mistakes: float = 0.0
    """The mistakes per choice that trials may cost, as an expectation."""

    @cached_property
    def options(self) -> Mapping[str, Candidate]:
        """The candidates that may be picked; those set aside only if all are."""
        eligible = {id_: each for id_, each in self.candidates.items() if each.refused is None}
        preferred = {id_: each for id_, each in eligible.items() if each.set_aside is None}
        return preferred or eligible

    @cached_property
    def estimates(self) -> Mapping[str, Estimate]:
        """The estimates of the options."""
        return {id_: each.estimate for id_, each in self.options.items()}

    @property
    def observations(self) -> Observations:
        """The observations."""
        return self.forecaster.observations

    @property
    def needs(self) -> Requirements:
        """The requirements of the task."""
        return self.request.needs

    @property
    def preference(self) -> Preference:
        """The preference of the task."""
        return self.request.preferences.preference

    @cached_property
    def default(self) -> str | None:
        """The option that the documented rules pick, if there is one."""
        return next((id_ for id_ in self.documented if id_ in self.options), None)

    @cached_property
    def documented(self) -> tuple[str, ...]:
        """The models of the roles, in the order of the documented rules; not all are options."""
        return tuple(dict.fromkeys(id_ for ids in self.roles.values() for id_ in ids))

    @cached_property
    def near_best(self) -> NearBest:
        """The choice of the preference among the options."""
        return self.find_near_best()

    def find_near_best(
        self, preference: Preference | None = None, *, anchored: bool = False
    ) -> NearBest:
        """Return what a preference takes of the options, by default the task's."""
        wanted = preference or self.preference
        return find_near_best(
            self.estimates,
            wanted,
            tolerance=get_tolerance(wanted, self.forecaster.gain),
            default=self.default,
            anchored=anchored,
            overall=self.forecaster.overall,
        )

    @cached_property
    def near_local(self) -> NearLocal:
        """The options on this machine, compared with the best hosted one."""
        local = {id_ for id_, each in self.options.items() if each.profile.is_local}
        here = {id_: each for id_, each in self.estimates.items() if id_ in local}
        hosted = {id_: each for id_, each in self.estimates.items() if id_ not in local}
        return find_near_local(here, hosted)

    @cached_property
    def by_preference(self) -> tuple[str, ...]:
        """The options: those near the best known first, then the others by quality."""
        return self.order_within(self.near_best)

    def order_within(self, found: NearBest) -> tuple[str, ...]:
        """Return the options: those near the best known first, then the others by quality."""
        within = set(found.within)
        rest = [
            (-each.quality, each.price, id_)
            for id_, each in self.estimates.items()
            if id_ not in within
        ]
        rest.sort()
        return (*found.within, *(id_ for _, _, id_ in rest))

    @cached_property
    def by_price(self) -> tuple[Candidate, ...]:
        """The options, cheapest first; equal ones in the order of ids."""
        return tuple(sorted(self.options.values(), key=_get_price))

    def random(self) -> Random:
        """Return a random generator that is seeded by the choice."""
        return Random(self.request.seed)  # noqa: S311  not used for security

    def put_first(self, picked: str, rest: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return all options: the picked one, then those in `rest`, then by the preference."""
        return tuple(dict.fromkeys((picked, *(rest or ()), *self.by_preference)))


class Plan(NamedTuple):
    """Models in the order in which they are asked, and the expected result."""

    options: tuple[Option, ...]
    reaches: tuple[float, ...]
    """The share of tasks at which each is asked, 1 for the first."""
    quality: float

    @property
    def models(self) -> tuple[str, ...]:
        """The ids of the models."""
        return tuple(each.model_id for each in self.options)

    @property
    def cost_usd(self) -> float:
        """The expected dollars."""
        return sum(r * each.cost_usd for r, each in zip(self.reaches, self.options, strict=True))

    @property
    def seconds(self) -> float:
        """The expected time."""
        return sum(r * each.seconds for r, each in zip(self.reaches, self.options, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """The output of a policy."""

    order: tuple[str, ...]
    """The picked model, then the other options in the policy's order."""
    reason: str
    """One sentence, with the decisive numbers."""
    plan: Plan | None = None
    """For a cascade: the models to ask in turn while the check refuses their answers."""
    team: tuple[str, ...] = ()
    """For an ensemble: the models that answer before the picked one combines their answers."""

    @property
    def escalate_to(self) -> str | None:
        """The model that is asked if the check refuses the answer; None: none."""
        return self.plan.models[1] if self.plan is not None and len(self.plan.models) > 1 else None


class Policy(Protocol):
    """A way to choose. It is pure: randomness comes from `PolicyInput.random`."""

    def pick(self, given: PolicyInput) -> Pick:
        """Order the options and explain why the first one was picked."""
        ...


def _get_price(candidate: Candidate) -> float:
    return candidate.price
