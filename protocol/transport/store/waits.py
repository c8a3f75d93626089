"""Answers of people, and events for tasks, over the official client."""

from uuid import UUID, uuid4

from pydantic import JsonValue

from protocol.errors import NotFound
from protocol.records import ApprovalRow, SentEvent, Task
from protocol.transport.queries import filter_by_owner, read_pages, read_query
from protocol.transport.rpc_client import RpcClient


class SupabaseWaitStore(RpcClient):
    """Implementation of `protocol.store.waits.WaitStore`."""

    async def find_approvals(
        self,
        *,
        limit: int,
        owner: UUID | None = None,
        every_owner: bool = False,
        task_id: UUID | None = None,
        only_open: bool = True,
        only_answerable: bool = False,
        before: int | None = None,
    ) -> list[ApprovalRow]:
        query = self._client.table("cogo_approvals").select("*")
        if owner is None or every_owner:
            query = filter_by_owner(query, owner, every_owner=every_owner)
            if only_answerable and not every_owner:
                query = query.is_("by", "null")
        else:
            owned = f"and(owner.eq.{owner},by.is.null)" if only_answerable else f"owner.eq.{owner}"
            escalated = f"and(escalate_to.eq.{owner},escalated_at.not.is.null)"
            query = query.or_(f"{owned},by.eq.{owner},{escalated}")
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
