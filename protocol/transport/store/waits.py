"""Answers of people, events for tasks, and the tasks around a task, over the official client."""

from uuid import UUID, uuid4

from pydantic import JsonValue

from protocol.errors import NotFound
from protocol.records import ApprovalRow, SentEvent, Task, Visibility
from protocol.records.tasks import TaskChanges
from protocol.transport.queries import list_visible, read_pages, read_query
from protocol.transport.rpc_client import RpcClient


class SupabaseWaitStore(RpcClient):
    """Implementation of `protocol.store.waits.WaitStore`."""

    async def find_approvals(
        self,
        *,
        limit: int,
        visible: Visibility,
        task_id: UUID | None = None,
        only_open: bool = True,
        only_answerable: bool = False,
        before: int | None = None,
    ) -> list[ApprovalRow]:
        query = self._client.table("cogo_approvals").select("*")
        if visible.only_project is not None:
            query = query.eq("project", visible.only_project)
        conditions = list_visible(visible)
        if conditions and only_answerable:
            conditions = [f"and({each},by.is.null)" for each in conditions]
        if conditions and (person := visible.owner) is not None:
            escalated = f"and(escalate_to.eq.{person},escalated_at.not.is.null)"
            conditions += [f"by.eq.{person}", escalated]
        if conditions:
            query = query.or_(",".join(conditions))
        if task_id is not None:
            query = query.eq("task_id", str(task_id))
        if only_open:
            query = query.is_("answered_at", "null").is_("withdrawn_at", "null")
        if before is not None:
            query = query.lt("seq", before)
        return await read_query(ApprovalRow, query.order("seq", desc=True).limit(limit))

    async def fetch_approval(self, *, approval_id: UUID) -> ApprovalRow:
        query = self._client.table("cogo_approvals").select("*").eq("id", str(approval_id))
        found = await read_query(ApprovalRow, query)
        if not found:
            raise NotFound(
                f"there is no approval {approval_id}", hint="`cogo approvals` lists them"
            )
        return found[0]

    async def answer_approval(
        self,
        *,
        approval_id: UUID,
        approved: bool,
        comment: str | None = None,
        person: UUID | None = None,
        via: str | None = None,
    ) -> ApprovalRow:
        return await self._call_row(
            ApprovalRow,
            "answer_approval",
            approval_id=str(approval_id),
            approved=approved,
            comment=comment,
            person=None if person is None else str(person),
            via=via,
        )

    async def send_event(
        self,
        *,
        task_id: UUID,
        name: str,
        payload: JsonValue = None,
        idempotency_key: str | None = None,
        person: UUID | None = None,
    ) -> SentEvent:
        return await self._call_row(
            SentEvent,
            "send_event",
            task_id=str(task_id),
            name=name,
            payload=payload,
            # The call may be repeated, and the event must not be sent twice.
            idempotency_key=idempotency_key or str(uuid4()),
            person=None if person is None else str(person),
        )

    async def fetch_children(self, *, task_id: UUID) -> list[Task]:
        return await read_pages(
            Task,
            lambda: (
                self._client.table("cogo_task_previews")
                .select("*")
                .eq("parent_task_id", str(task_id))
                .order("seq")
            ),
        )

    async def find_next_run(self, *, task_id: UUID) -> Task | None:
        query = self._client.table("cogo_task_previews").select("*")
        found = await read_query(Task, query.eq("previous_task_id", str(task_id)).limit(1))
        return found[0] if found else None

    async def fork_task(
        self,
        *,
        task_id: UUID,
        from_step: str | None = None,
        changes: TaskChanges,
        owner: UUID | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        given = changes.model_dump(mode="json", exclude_unset=True)
        if given.get("budget_usd") is not None:
            given["budget_usd"] = float(given["budget_usd"])
        return await self._call_row(
            Task,
            "fork_task",
            task_id=str(task_id),
            from_step=from_step,
            changes=given,
            owner=None if owner is None else str(owner),
            # The call may be repeated, and one fork is wanted.
            idempotency_key=idempotency_key or str(uuid4()),
        )

    async def find_forks(self, *, task_id: UUID, limit: int) -> list[Task]:
        query = self._client.table("cogo_task_previews").select("*")
        forks = query.eq("forked_from", str(task_id)).order("seq", desc=True).limit(limit)
        return await read_query(Task, forks)
