"""What an orchestrator knows at one moment, beside the task and the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final
from uuid import UUID

from agents.selection.controls import OperatorControl
from agents.selection.evidence.estimates import Forecaster
from agents.selection.evidence.observations import NO_OBSERVATIONS, Observations
from protocol.records.models import PolicyName


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """A snapshot; whoever learns something makes another one."""

    observations: Observations = NO_OBSERVATIONS
    policy: PolicyName = PolicyName.RULES
    """Of the deployment."""
    owner_policies: Mapping[UUID, PolicyName] = field(default_factory=dict)
    controls: tuple[OperatorControl, ...] = ()
    """What operators said of models and providers."""

    @cached_property
    def forecaster(self) -> Forecaster:
        """Estimates from these observations; they are kept as long as the snapshot is."""
        return Forecaster(self.observations)

    def policy_for(self, owner: UUID | None, asked: PolicyName | None) -> PolicyName:
        """Give the task's own policy, else its owner's, else the deployment's."""
        if asked is not None:
            return asked
        return self.policy if owner is None else self.owner_policies.get(owner, self.policy)


NOTHING_KNOWN: Final = Knowledge()
"""Before anybody has told anything: the documented rules, and priors."""
