"""Models: statistics of outcomes, ratings and operators' controls."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from protocol.records.models import (
    ControlAction,
    Controlled,
    JudgedAnswer,
    ModelKnowledge,
    ModelOutcomes,
    ModelReport,
    ModelSwitch,
    PolicySet,
    Rating,
)


class ModelStore(Protocol):
    """Every call is idempotent and raises what `protocol.store.queue.QueueStore` raises."""

    async def model_knowledge(self, *, agent_id: str) -> ModelKnowledge:
        """Update the statistics with the attempts that have ended, and read them."""
        ...

    async def model_outcomes(self) -> ModelOutcomes:
        """Read what is known of models by kind of work. For operators."""
        ...

    async def fetch_judged_answers(
        self, *, after: JudgedAnswer | None, limit: int, with_prompts: bool
    ) -> list[JudgedAnswer]:
        """Read a page of the answers that were judged. For operators."""
        ...

    async def feedback(
        self,
        *,
        task_id: UUID,
        score: float,
        comment: str | None = None,
        person: UUID | None = None,
    ) -> Rating:
        """Rate the answer of a task, from 0 to 1. Raise NotFound, MoveNotAllowed.

        The latest rating of a person counts. An operator may rate on behalf of `person`.
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
    ) -> Controlled:
        """Pin, ban, drain or allow a model or a provider (`lanes`: its models).

        Running subtasks finish; waiting ones are stamped again. Repeating it changes nothing.
        """
        ...

    async def set_policy(self, *, policy: str | None, owner: UUID | None = None) -> PolicySet:
        """Set the policy of an owner or, without one, of the deployment; None removes it."""
        ...

    async def model_report(self, *, since: datetime | None = None) -> list[ModelReport]:
        """Read how models performed since then (None: since a day ago), by id."""
        ...

    async def fetch_switches(self, *, limit: int) -> list[ModelSwitch]:
        """Read the latest changes in which models may be chosen, newest first."""
        ...
