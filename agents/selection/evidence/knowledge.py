"""The knowledge of an orchestrator: observations, policies, and operators' controls."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal
from uuid import UUID

from agents.selection.evidence.estimates import Forecaster
from agents.selection.evidence.observations import NO_OBSERVATIONS, Observations
from protocol.records.models import EXPLORE_MISTAKES, PolicyName
from providers.catalogue.catalogue import Catalogue

Action = Literal["pin", "ban", "drain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorControl:
    """One decision of an operator. Without an owner and a task type it applies everywhere."""

    action: Action
    subject: str
    """A model or a provider."""
    reason: str
    owner: UUID | None = None
    task_type: str | None = None

    @property
    def specificity(self) -> int:
        """The rank of its scope: pins of a narrower scope come first."""
        return 2 if self.owner is not None else int(self.task_type is not None)

    def applies_to(self, owner: UUID | None, task_type: str) -> bool:
        """Return whether a task of this owner and type is in scope."""
        return (self.owner is None or self.owner == owner) and (
            self.task_type is None or self.task_type == task_type
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveControls:
    """The controls that apply to one task: reasons by model or provider."""

    banned: Mapping[str, str] = field(default_factory=dict)
    """Never used, not even if requested."""
    drained: Mapping[str, str] = field(default_factory=dict)
    """Used only if requested, or if no other model is left."""
    pinned: Mapping[str, str] = field(default_factory=dict)
    """Preferred to all others, the most specific first."""


NO_CONTROLS: Final = ActiveControls()


def find_active_controls(
    controls: Iterable[OperatorControl], owner: UUID | None, task_type: str
) -> ActiveControls:
    """Return the controls that apply to a task of this owner and type."""
    active = [each for each in controls if each.applies_to(owner, task_type)]
    if not active:
        return NO_CONTROLS
    active.sort(key=lambda each: (-each.specificity, each.subject))
    reasons: dict[Action, dict[str, str]] = {"ban": {}, "drain": {}, "pin": {}}
    for each in active:
        reasons[each.action].setdefault(each.subject, each.reason)
    return ActiveControls(banned=reasons["ban"], drained=reasons["drain"], pinned=reasons["pin"])


def list_control_subjects(
    name: str, catalogue: Catalogue, served: Collection[str]
) -> tuple[str, ...]:
    """Return the subjects that a control of this name may have, the one to use now first.

    That is the id of the provider or of the model that serves the name; a retired model whose id
    is among the `served` lanes keeps it. The others are ids under which a control may have been
    stored at another time. Raises UnknownModel.
    """
    if name in catalogue.providers or name in served:
        return (name,)
    found = catalogue.resolve(name, still_served=served)
    return tuple(dict.fromkeys((found.model.id, found.requested_id, name)))


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """An immutable snapshot; a change is a new object."""

    observations: Observations = NO_OBSERVATIONS
    policy: PolicyName = PolicyName.AUTO
    """The default of the deployment."""
    mistakes: float = EXPLORE_MISTAKES
    """The mistakes per choice that trials may cost on average; 0 for none."""
    owner_policies: Mapping[UUID, PolicyName] = field(default_factory=dict)
    controls: tuple[OperatorControl, ...] = ()

    @cached_property
    def forecaster(self) -> Forecaster:
        """The forecaster of these observations; it caches for the lifetime of the snapshot."""
        return Forecaster(self.observations)

    def get_policy(self, owner: UUID | None, requested: PolicyName | None) -> PolicyName:
        """Return the task's own policy, else its owner's, else the deployment's."""
        if requested is not None:
            return requested
        return self.policy if owner is None else self.owner_policies.get(owner, self.policy)


NOTHING_KNOWN: Final = Knowledge()
"""Priors only."""
