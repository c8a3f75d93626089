"""The store over the official client: one method per RPC, typed in and out."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, JsonValue

from protocol.records import (
    AgentRecord,
    Claim,
    Completion,
    CompletionAnswer,
    Extension,
    Failure,
    FailureAnswer,
    LeaseAnswer,
    LeaseRef,
    Limits,
    NewTask,
    Pruned,
    QueueRow,
    Reaped,
    ReleaseAnswer,
    SchemaVersion,
    SelectionRecord,
    Subtask,
    Task,
    UnreadableSubtask,
    WriteCheck,
)
from protocol.transport.rpc_client import UnreadableAnswer, read_claims, read_rows
from protocol.transport.store.calls import SafetyCalls
from protocol.transport.store.embeddings import EmbeddingCalls
from protocol.transport.store.gateway import OfficeCalls
from protocol.transport.store.models import JudgementCalls
from protocol.transport.store.spending import Spending


class SupabaseStore(OfficeCalls, JudgementCalls, SafetyCalls, Spending, EmbeddingCalls):
    """Implements `Office`, `SafetyStore`, `SpendingStore` and `EmbeddingStore` of `protocol`.

    One per event loop; opened by `connect.open_store`.
    """

    async def claim_subtasks(
        self, *, agent_id: str, lanes: Sequence[str], limit: int, lease: timedelta, request_id: UUID
    ) -> list[Claim]:
        request: dict[str, JsonValue] = {
            "agent_id": agent_id,
            "lanes": list(lanes),
            "limit": limit,
            "lease_seconds": lease.total_seconds(),
            "request_id": str(request_id),
        }
        try:
            return read_claims(await self._call("claim_subtasks", **request))
        except UnreadableAnswer:
            return await self._claims_one_by_one(request)

    async def _claims_one_by_one(self, request: Mapping[str, JsonValue]) -> list[Claim]:
        """Repeat a claim, which gives the same leases again, and read each of them alone."""
        claims: list[Claim] = []
        refs = await self._send(
            "claim_subtasks", request, lambda query: query.select("subtask_id,attempt")
        )
        for ref in read_rows(LeaseRef, refs):

            def alone(query: Any, subtask_id: str = str(ref.subtask_id)) -> Any:
                return query.eq("subtask_id", subtask_id)

            try:
                answer = await self._send("claim_subtasks", request, alone)
            except UnreadableAnswer:
                claims.append(
                    UnreadableSubtask(
                        subtask_id=ref.subtask_id,
                        attempt=ref.attempt,
                        field="params",
                        problem="its JSON is nested too deeply or holds a number that is too long",
                    )
                )
            else:
                claims += read_claims(answer)
        return claims

    async def extend_leases(
        self, *, agent_id: str, leases: Sequence[Extension], lease: timedelta
    ) -> list[LeaseAnswer]:
        return await self._rows(
            LeaseAnswer,
            "extend_leases",
            agent_id=agent_id,
            leases=[_json(each) for each in leases],
            lease_seconds=lease.total_seconds(),
        )

    async def complete_subtasks(
        self, *, agent_id: str, items: Sequence[Completion]
    ) -> list[CompletionAnswer]:
        return await self._rows(
            CompletionAnswer,
            "complete_subtasks",
            agent_id=agent_id,
            items=[_flat(each) for each in items],
        )

    async def fail_subtask(self, *, agent_id: str, failure: Failure) -> FailureAnswer:
        after = failure.retry_after
        return await self._row(
            FailureAnswer,
            "fail_subtask",
            agent_id=agent_id,
            subtask_id=str(failure.ref.subtask_id),
            attempt=failure.ref.attempt,
            error=_json(failure.error),
            action=failure.action,
            retry_after_seconds=after.total_seconds() if after is not None else None,
            usage=_json(failure.usage) if failure.usage is not None else None,
        )

    async def release_subtasks(
        self, *, agent_id: str, leases: Sequence[LeaseRef] | None, reason: str, died: bool = False
    ) -> list[ReleaseAnswer]:
        return await self._rows(
            ReleaseAnswer,
            "release_subtasks",
            agent_id=agent_id,
            leases=None if leases is None else [_json(each) for each in leases],
            reason=reason,
            died=died,
        )

    async def record_agent(self, agent: AgentRecord) -> None:
        await self._call("record_agent", agent=_json(agent))

    async def reap(self, *, limit: int = 100) -> Reaped:
        return await self._row(Reaped, "reap", limit=limit)

    async def prune(self, *, limit: int = 100, older_than: timedelta) -> int:
        row = await self._row(Pruned, "prune", limit=limit, older_than=_interval(older_than))
        return row.pruned

    async def prune_records(
        self,
        *,
        limit: int = 1000,
        switches_older_than: timedelta | None = None,
        calls_older_than: timedelta | None = None,
    ) -> int:
        row = await self._row(
            Pruned,
            "prune_records",
            limit=limit,
            switches_older_than=_interval(switches_older_than),
            calls_older_than=_interval(calls_older_than),
        )
        return row.pruned

    async def record_selection(self, selection: SelectionRecord) -> None:
        await self._call("record_selection", selection=_json(selection))

    async def submit_task(self, task: NewTask) -> Task:
        return await self._row(Task, "submit_task", **_json(task))

    async def cancel_task(self, *, task_id: UUID, reason: str | None = None) -> Task:
        return await self._row(Task, "cancel_task", task_id=str(task_id), reason=reason)

    async def redrive_task(self, *, task_id: UUID) -> Task:
        return await self._row(Task, "redrive_task", task_id=str(task_id))

    async def redrive_subtask(self, *, subtask_id: UUID) -> Subtask:
        return await self._row(Subtask, "redrive_subtask", subtask_id=str(subtask_id))

    async def pause_task(self, *, task_id: UUID) -> Task:
        return await self._row(Task, "pause_task", task_id=str(task_id))

    async def resume_task(self, *, task_id: UUID) -> Task:
        return await self._row(Task, "resume_task", task_id=str(task_id))

    async def approve_subtask(
        self, *, subtask_id: UUID, approved: bool = True, comment: str | None = None
    ) -> Subtask:
        return await self._row(
            Subtask,
            "approve_subtask",
            subtask_id=str(subtask_id),
            approved=approved,
            comment=comment,
        )

    async def fetch_queue(self) -> list[QueueRow]:
        return await self._every(QueueRow, "queue")

    async def set_lane(
        self,
        *,
        lane: str,
        paused: bool | None = None,
        max_running: int | None = None,
        per_minute: int | None = None,
    ) -> Limits:
        return await self._row(
            Limits,
            "set_lane",
            lane=lane,
            paused=paused,
            max_running=max_running,
            per_minute=per_minute,
        )

    async def set_owner(
        self,
        *,
        owner: UUID | None,
        paused: bool | None = None,
        max_running: int | None = None,
        per_minute: int | None = None,
    ) -> Limits:
        return await self._row(
            Limits,
            "set_owner",
            owner=None if owner is None else str(owner),
            paused=paused,
            max_running=max_running,
            per_minute=per_minute,
        )

    async def schema_versions(self) -> list[str]:
        return [row.version for row in await self._rows(SchemaVersion, "schema_versions")]

    async def check_writes(self) -> WriteCheck:
        return await self._row(WriteCheck, "check_writes")


def _interval(age: timedelta | None) -> str | None:
    return None if age is None else f"{age.total_seconds()} seconds"


def _json(value: BaseModel) -> dict[str, Any]:
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


def _flat(item: Completion) -> dict[str, Any]:
    body = _json(item)
    return {**body.pop("ref"), **body}
