"""Statistics, ratings and controls of models over the official client."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
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
from protocol.transport.queries import read_query
from protocol.transport.rpc_client import RpcClient


class SupabaseModelStore(RpcClient):
    """Implementation of `protocol.store.models.ModelStore`."""

    async def model_knowledge(self, *, agent_id: str) -> ModelKnowledge:
        return await self._call_row(ModelKnowledge, "model_knowledge", agent_id=agent_id)

    async def model_outcomes(self) -> ModelOutcomes:
        return await self._call_row(ModelOutcomes, "model_outcomes")

    async def fetch_judged_answers(
        self, *, after: JudgedAnswer | None, limit: int, with_prompts: bool
    ) -> list[JudgedAnswer]:
        place: dict[str, Any] = {}
        if after is not None:
            place = {"after_subtask": str(after.subtask_id), "after_attempt": after.attempt}
        return await self._call_rows(
            JudgedAnswer, "judged_answers", limit=limit, with_prompts=with_prompts, **place
        )

    async def feedback(
        self,
        *,
        task_id: UUID,
        score: float,
        comment: str | None = None,
        person: UUID | None = None,
    ) -> Rating:
        return await self._call_row(
            Rating,
            "feedback",
            task_id=str(task_id),
            score=score,
            comment=comment,
            person=None if person is None else str(person),
        )

    async def control_model(
        self,
        *,
        action: ControlAction,
        subject: str,
        lanes: Sequence[str] = (),
        scope: str = "everywhere",
        reason: str | None = None,
    ) -> Controlled:
        return await self._call_row(
            Controlled,
            "control_model",
            action=action,
            subject=subject,
            lanes=list(lanes),
            scope=scope,
            reason=reason,
        )

    async def set_policy(self, *, policy: str | None, owner: UUID | None = None) -> PolicySet:
        return await self._call_row(
            PolicySet,
            "set_policy",
            policy=policy,
            owner=None if owner is None else str(owner),
        )

    async def model_report(self, *, since: datetime | None = None) -> list[ModelReport]:
        moment = None if since is None else since.isoformat()
        return await self._call_pages(ModelReport, "model_report", since=moment)

    async def fetch_switches(self, *, limit: int) -> list[ModelSwitch]:
        query = self._client.table("cogo_model_switches").select("*").order("seq", desc=True)
        return await read_query(ModelSwitch, query.limit(limit))
