"""Stored turns of subtasks over the official client."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from protocol.errors import OutOfRange
from protocol.records import StoredAnswer, StoredTurn, TurnLine
from protocol.records.base import Row
from protocol.transport.queries import filter_by_owner, read_pages, read_query
from protocol.transport.rpc_client import RpcClient, UnreadableAnswer

_TURN_LINE: Final = (
    "subtask_id,seq,kind,attempt,text:body->message->>content,calls:body->message->tool_calls,"
    "call_id:body->>call_id,tool:body->>tool,status:body->>status,content:body->content,"
    "seconds:body->seconds,approved:body->approved,comment:body->>comment,created_at"
)
_MORE_ANSWERS: Final = 10
"""Answers with the same id of a call, beside one of each task."""


class _TaskId(Row):
    id: UUID


class SupabaseTurnStore(RpcClient):
    """Reads turns as `protocol.store.queue.QueueStore` says."""

    async def fetch_turns(self, *, subtask_id: UUID) -> list[StoredTurn]:
        found: list[StoredTurn] = []
        while True:
            after = found[-1].seq if found else 0
            try:
                page = await self._call_rows(
                    StoredTurn, "subtask_turns", subtask_id=str(subtask_id), after=after
                )
            except UnreadableAnswer as error:
                raise OutOfRange(
                    f"the stored turns of subtask {subtask_id} after {after} are unreadable"
                ) from error
            if not page:
                return found
            found += page

    async def fetch_answers(
        self, *, task_ids: Sequence[UUID], call_ids: Sequence[str], owner: UUID | None
    ) -> list[StoredAnswer]:
        named = self._client.table("cogo_tasks").select("id").in_("id", [*map(str, task_ids)])
        tasks = await read_query(_TaskId, filter_by_owner(named, owner))
        if not tasks:
            return []
        query = self._client.table("cogo_turns").select("task_id,seq,message:body->message")
        query = query.in_("task_id", [str(each.id) for each in tasks]).eq("kind", "answer")
        query = query.in_("body->message->tool_calls->0->>id", list(call_ids))
        query = query.order("created_at", desc=True).order("seq", desc=True)
        return await read_query(StoredAnswer, query.limit(len(tasks) + _MORE_ANSWERS))

    async def fetch_turn_lines(self, *, subtask_id: UUID, after: int = 0) -> list[TurnLine]:
        def query() -> Any:
            query = self._client.table("cogo_turns").select(_TURN_LINE)
            return query.eq("subtask_id", str(subtask_id)).gt("seq", after).order("seq")

        return await read_pages(TurnLine, query)
