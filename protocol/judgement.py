"""What the store knows of models: experience, and what people and operators say of them."""

from typing import Protocol
from uuid import UUID

from protocol.records.knowledge import ModelKnowledge, Rating


class JudgementStore(Protocol):
    """Every call is idempotent; all raise what those of `protocol.store.Store` raise."""

    async def model_knowledge(self, *, agent_id: str) -> ModelKnowledge:
        """Learn from what ended meanwhile, then read what to choose by."""
        ...

    async def rate_task(self, *, task_id: UUID, score: float, comment: str | None = None) -> Rating:
        """Say how good an answer was, from 0 to 1. Raises NotFound, MoveNotAllowed.

        The last word of a person counts. SQL: `cogo_feedback`.
        """
        ...
