"""What the store knows of models: experience, and what people and operators say of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from protocol.records.controls import ControlAction, Controlled, ModelSwitch, PolicySet
from protocol.records.knowledge import ModelKnowledge, ModelReport, Rating


class JudgementStore(Protocol):
    """Every call is idempotent; all raise what those of `protocol.store.queue.Store` raise."""

    async def model_knowledge(self, *, agent_id: str) -> ModelKnowledge:
        """Learn from what ended meanwhile, then read what to choose by."""
        ...

    async def feedback(
        self,
        *,
        task_id: UUID,
        score: float,
        comment: str | None = None,
        person: UUID | None = None,
    ) -> Rating:
        """Say how good an answer was, from 0 to 1. Raises NotFound, MoveNotAllowed.

        The last word of a person counts; an operator may pass on what `person` says.
        """
        ...

    async def control_model(
        self,
        *,
        action: ControlAction,
        subject: str,
        lanes: Sequence[str] = (),
        scope: str = "everywhere",
        reason: str | None = None,
        who: str | None = None,
    ) -> Controlled:
        """Pin, ban, drain or allow a model or a provider (`lanes`: its models).

        What runs is finished, what waits is stamped anew. Saying it again changes nothing.
        """
        ...

    async def set_policy(
        self, *, policy: str | None, owner: UUID | None = None, who: str | None = None
    ) -> PolicySet:
        """Set the policy of an owner or, without one, of the deployment; None takes it away."""
        ...

    async def model_report(self, *, since: datetime | None = None) -> list[ModelReport]:
        """Read how models did since then (None: a day ago), by id."""
        ...

    async def fetch_switches(self, *, limit: int) -> list[ModelSwitch]:
        """Read the latest changes of what may be chosen, the newest first."""
        ...
