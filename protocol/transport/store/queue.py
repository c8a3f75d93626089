"""The queue over the official client: one method per RPC or read, with typed rows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, JsonValue

from protocol.errors import NotFound
from protocol.records import (
    AgentRecord,
    Attempt,
    CallEnd,
    Claim,
    ClaimRequest,
    Completion,
    CompletionAnswer,
    Event,
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
    RoundTrip,
    SchemaVersion,
    SelectionRecord,
    SelectionRow,
    StepOutput,
    Subtask,
    Task,
    TurnAnswer,
    TurnBatch,
    UnreadableSubtask,
    WriteCheck,
)
from protocol.records.base import ListedRow
from protocol.transport.queries import read_pages, read_query
from protocol.transport.rpc_client import PAGE, UnreadableAnswer, parse_claims, parse_rows
from protocol.transport.store.turns import SupabaseTurnStore

_ATTEMPT: Final = ",".join(Attempt.model_fields.keys() - ListedRow.model_fields.keys())
"""Without what it had written, which is long."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class SupabaseQueueStore(SupabaseTurnStore):
    """Implementation of `protocol.store.queue.QueueStore`."""

    async def claim_subtasks(
        self,
        *,
        agent_id: str,
        lanes: Sequence[str],
        limit: int,
        lease: timedelta,
        request_id: UUID,
        lane_limits: Mapping[str, int] | None = None,
    ) -> list[Claim]:
        request: dict[str, JsonValue] = {
            "agent_id": agent_id,
            "lanes": list(lanes),
            "limit": limit,
            "lease_seconds": lease.total_seconds(),
            "request_id": str(request_id),
        }
        if lane_limits:
            request["lane_limits"] = dict(lane_limits)
        try:
            return parse_claims(await self._call("claim_subtasks", **request))
        except UnreadableAnswer:
            return await self._claim_one_by_one(request)

    async def _claim_one_by_one(self, request: Mapping[str, JsonValue]) -> list[Claim]:
        """Repeat a claim, which returns the same leases, and read each of them separately."""
        claims: list[Claim] = []
        refs = await self._send(
            "claim_subtasks", request, lambda query: query.select("subtask_id,attempt")
        )
        for ref in parse_rows(LeaseRef, refs):

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
                claims += parse_claims(answer)
        return claims

    async def extend_leases(
        self, *, agent_id: str, leases: Sequence[Extension], lease: timedelta
    ) -> list[LeaseAnswer]:
        return await self._call_rows(
            LeaseAnswer,
            "extend_leases",
            agent_id=agent_id,
            leases=[_to_json(each) for each in leases],
            lease_seconds=lease.total_seconds(),
        )

    async def complete_subtasks(
        self, *, agent_id: str, items: Sequence[Completion]
    ) -> list[CompletionAnswer]:
        return await self._call_rows(
            CompletionAnswer,
            "complete_subtasks",
            agent_id=agent_id,
            items=[_flatten(each) for each in items],
        )

    async def complete_and_claim(
        self,
        *,
        agent_id: str,
        items: Sequence[Completion],
        claim: ClaimRequest | None = None,
        calls: Sequence[CallEnd] = (),
    ) -> RoundTrip:
        asked: dict[str, JsonValue] = {"lanes": [], "limit": 0}
        if claim is not None:
            asked = {
                "lanes": list(claim.lanes),
                "limit": claim.limit,
                "lease_seconds": claim.lease.total_seconds(),
                "request_id": str(claim.request_id),
                "lane_limits": dict(claim.lane_limits) or None,
            }
        try:
            answer = await self._call(
                "complete_and_claim",
                agent_id=agent_id,
                items=[_flatten(each) for each in items],
                calls=[_to_json(each) for each in calls],
                **asked,
            )
        except UnreadableAnswer:  # one of the leases
            return await self._repeat_separately(agent_id, items, claim)
        claimed = answer.pop("claimed", None) if isinstance(answer, dict) else None
        [result] = parse_rows(RoundTrip, [answer])
        if claimed is None:
            return result
        return result.model_copy(update={"claimed": parse_claims(claimed)})

    async def _repeat_separately(
        self, agent_id: str, items: Sequence[Completion], claim: ClaimRequest | None
    ) -> RoundTrip:
        """Repeat both parts, which changes nothing, and read the leases one by one."""
        answers = await self.complete_subtasks(agent_id=agent_id, items=items)
        if claim is None:
            return RoundTrip(answers=answers)
        claimed = await self.claim_subtasks(
            agent_id=agent_id,
            lanes=claim.lanes,
            limit=claim.limit,
            lease=claim.lease,
            request_id=claim.request_id,
            lane_limits=claim.lane_limits,
        )
        return RoundTrip(answers=answers, claimed=claimed)

    async def fail_subtask(self, *, agent_id: str, failure: Failure) -> FailureAnswer:
        after = failure.retry_after
        return await self._call_row(
            FailureAnswer,
            "fail_subtask",
            agent_id=agent_id,
            subtask_id=str(failure.ref.subtask_id),
            attempt=failure.ref.attempt,
            error=_to_json(failure.error),
            action=failure.action,
            retry_after_seconds=after.total_seconds() if after is not None else None,
            usage=_to_json(failure.usage) if failure.usage is not None else None,
            output=_to_json(failure.output) if failure.output is not None else None,
        )

    async def release_subtasks(
        self, *, agent_id: str, leases: Sequence[LeaseRef] | None, reason: str, died: bool = False
    ) -> list[ReleaseAnswer]:
        return await self._call_rows(
            ReleaseAnswer,
            "release_subtasks",
            agent_id=agent_id,
            leases=None if leases is None else [_to_json(each) for each in leases],
            reason=reason,
            died=died,
        )

    async def record_agent(self, agent: AgentRecord) -> None:
        await self._call("record_agent", agent=_to_json(agent))

    async def reap(self, *, limit: int = 100) -> Reaped:
        return await self._call_row(Reaped, "reap", limit=limit)

    async def prune(self, *, limit: int = 100, older_than: timedelta) -> int:
        row = await self._call_row(Pruned, "prune", limit=limit, older_than=_interval(older_than))
        return row.pruned

    async def prune_records(
        self,
        *,
        limit: int = 1000,
        switches_older_than: timedelta | None = None,
        calls_older_than: timedelta | None = None,
    ) -> int:
        row = await self._call_row(
            Pruned,
            "prune_records",
            limit=limit,
            switches_older_than=_interval(switches_older_than),
            calls_older_than=_interval(calls_older_than),
        )
        return row.pruned

    async def fetch_step_outputs(
        self, *, task_id: UUID, keys: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        rows = await self._call_rows(
            StepOutput, "step_outputs", task_id=str(task_id), keys=list(keys)
        )
        return {row.key: row.output for row in rows}

    async def store_turns(self, *, agent_id: str, items: Sequence[TurnBatch]) -> list[TurnAnswer]:
        return await self._call_rows(
            TurnAnswer,
            "store_turns",
            agent_id=agent_id,
            items=[_flatten(each) for each in items],
        )

    async def may_read_object(self, *, owner: UUID | None, bucket: str, path: str) -> bool:
        answer = await self._call(
            "may_read_object",
            owner=None if owner is None else str(owner),
            bucket=bucket,
            path=path,
        )
        return answer is True

    async def record_selection(self, selection: SelectionRecord) -> None:
        await self._call("record_selection", selection=_to_json(selection))

    async def submit_task(self, task: NewTask) -> Task:
        return await self._call_row(Task, "submit_task", **_to_json(task))

    async def cancel_task(self, *, task_id: UUID, reason: str | None = None) -> Task:
        return await self._call_row(Task, "cancel_task", task_id=str(task_id), reason=reason)

    async def redrive_task(self, *, task_id: UUID) -> Task:
        return await self._call_row(Task, "redrive_task", task_id=str(task_id))

    async def redrive_subtask(self, *, subtask_id: UUID) -> Subtask:
        return await self._call_row(Subtask, "redrive_subtask", subtask_id=str(subtask_id))

    async def pause_task(self, *, task_id: UUID) -> Task:
        return await self._call_row(Task, "pause_task", task_id=str(task_id))

    async def resume_task(self, *, task_id: UUID) -> Task:
        return await self._call_row(Task, "resume_task", task_id=str(task_id))

    async def approve_subtask(
        self, *, subtask_id: UUID, approved: bool = True, comment: str | None = None
    ) -> Subtask:
        return await self._call_row(
            Subtask,
            "approve_subtask",
            subtask_id=str(subtask_id),
            approved=approved,
            comment=comment,
        )

    async def fetch_queue(self) -> list[QueueRow]:
        return await self._call_pages(QueueRow, "queue")

    async def set_lane(
        self,
        *,
        lane: str,
        paused: bool | None = None,
        max_running: int | None = None,
        per_minute: int | None = None,
    ) -> Limits:
        return await self._call_row(
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
        return await self._call_row(
            Limits,
            "set_owner",
            owner=None if owner is None else str(owner),
            paused=paused,
            max_running=max_running,
            per_minute=per_minute,
        )

    async def schema_versions(self) -> list[str]:
        return [row.version for row in await self._call_rows(SchemaVersion, "schema_versions")]

    async def check_writes(self) -> WriteCheck:
        return await self._call_row(WriteCheck, "check_writes")

    async def fetch_task(self, *, task_id: UUID) -> Task:
        query = self._client.table("cogo_tasks").select("*").eq("id", str(task_id))
        tasks = await read_query(Task, query)
        if not tasks:
            raise NotFound(f"there is no task {task_id}", hint="`cogo tasks list` lists them")
        return tasks[0]

    async def fetch_subtasks(self, *, task_id: UUID) -> list[Subtask]:
        rows = "cogo_subtasks"
        return await read_pages(Subtask, lambda: self._select_for_task(rows, task_id).order("seq"))

    async def fetch_attempts(self, *, task_id: UUID) -> list[Attempt]:
        def query() -> Any:
            rows = self._select_for_task("cogo_attempts", task_id, _ATTEMPT)
            return rows.order("claimed_at").order("subtask_id").order("attempt")

        return await read_pages(Attempt, query)

    async def fetch_selections(self, *, task_id: UUID) -> list[SelectionRow]:
        return await read_pages(
            SelectionRow,
            lambda: (
                self._select_for_task("cogo_model_selections", task_id)
                .order("created_at")
                .order("id")
            ),
        )

    async def fetch_events(self, *, task_id: UUID, after: int = 0) -> list[Event]:
        found: list[Event] = []
        while True:
            last = found[-1].seq if found else after
            query = (
                self._select_for_task("cogo_events", task_id)
                .gt("seq", last)
                .order("seq")
                .limit(PAGE)
            )
            page = await read_query(Event, query)
            # A short page may not be the last: the server may return fewer rows than the limit.
            if not page:
                return found
            found += page

    async def fetch_agents(self) -> list[AgentRecord]:
        def query() -> Any:
            table = self._client.table("cogo_agents")
            return table.select("*,silent_ms:cogo_silent_ms").order("id")

        # Not ordered by heartbeat, which changes while the pages are read.
        found = await read_pages(AgentRecord, query)
        return sorted(found, key=lambda each: each.heartbeat_at or _NEVER, reverse=True)

    def _select_for_task(self, table: str, task_id: UUID, columns: str = "*") -> Any:
        return self._client.table(table).select(columns).eq("task_id", str(task_id))


def _interval(age: timedelta | None) -> str | None:
    return None if age is None else f"{age.total_seconds()} seconds"


def _to_json(value: BaseModel) -> dict[str, Any]:
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


def _flatten(item: Completion | TurnBatch) -> dict[str, Any]:
    body = _to_json(item)
    return {**body.pop("ref"), **body}
