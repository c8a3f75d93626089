"""Experience with models and ratings over the official client."""

from uuid import UUID

from protocol.records.knowledge import ModelKnowledge, Rating
from protocol.transport.calls import Calls


class JudgementCalls(Calls):
    """Implements `protocol.judgement.JudgementStore`."""

    async def model_knowledge(self, *, agent_id: str) -> ModelKnowledge:
        return await self._row(ModelKnowledge, "model_knowledge", agent_id=agent_id)

    async def rate_task(self, *, task_id: UUID, score: float, comment: str | None = None) -> Rating:
        return await self._row(
            Rating, "feedback", task_id=str(task_id), score=score, comment=comment
        )
