"""Stored turns of subtasks, and messages of sessions, over the official client."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from protocol.errors import OutOfRange
from protocol.records import (
    ForgottenSessions,
    SessionPage,
    SessionRow,
    StoredTurn,
    TaskTurn,
    TurnLine,
)
from protocol.records.base import Row
from protocol.transport.queries import filter_by_owner, read_pages, read_query
from protocol.transport.rpc_client import RpcClient, UnreadableAnswer

_TURN_LINE: Final = (
    "subtask_id,seq,kind,attempt,text:body->message->>content,calls:body->message->tool_calls,"
    "call_id:body->>call_id,tool:body->>tool,status:body->>status,content:body->content,"
    "seconds:body->seconds,rejected:body->>rejected,approved:body->approved,comment:body->>comment,created_at"
)
_SESSION: Final = ",".join(each for each in SessionRow.model_fields if each != "unreadable")
_TASK_TURN: Final = "task_id,subtask_id,seq,kind,attempt,body"
_TASK_PAGE: Final = 32
"""Turns of tasks that are read at once: each has up to 1 MiB."""
_TASK_CHARACTERS: Final = 8_000_000
"""From which number on no more turns of tasks are read."""


class _TaskId(Row):
    id: UUID


class _ForkedSession(Row):
    session_id: UUID


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

    async def fetch_task_turns(
        self, *, task_ids: Sequence[UUID], owner: UUID | None
    ) -> list[TaskTurn]:
        named = self._client.table("cogo_tasks").select("id").in_("id", [*map(str, task_ids)])
        tasks = await read_query(_TaskId, filter_by_owner(named, owner))
        if not tasks:
            return []
        found: list[TaskTurn] = []
        size = 0
        while size < _TASK_CHARACTERS:
            query = self._client.table("cogo_turns").select(_TASK_TURN)
            query = query.in_("task_id", [str(each.id) for each in tasks])
            query = query.in_("kind", ["answer", "result"]).order("created_at", desc=True)
            query = query.order("subtask_id").order("seq", desc=True)
            start = len(found)
            page = await read_query(TaskTurn, query.range(start, start + _TASK_PAGE - 1))
            found += page
            size += sum(len(str(each.body)) for each in page)
            if len(page) < _TASK_PAGE:
                break
        return sorted(found, key=lambda each: each.seq)

    async def fetch_turn_lines(self, *, subtask_id: UUID, after: int = 0) -> list[TurnLine]:
        def query() -> Any:
            query = self._client.table("cogo_turns").select(_TURN_LINE)
            return query.eq("subtask_id", str(subtask_id)).gt("seq", after).order("seq")

        return await read_pages(TurnLine, query)


class SupabaseSessionStore(RpcClient):
    """Implementation of `protocol.store.sessions.SessionStore`."""

    async def read_session(
        self,
        *,
        owner: UUID | None,
        session_id: UUID,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
        characters: int = 200_000,
    ) -> SessionPage | None:
        found = await self._call_rows(
            SessionPage,
            "read_session",
            owner=None if owner is None else str(owner),
            session_id=str(session_id),
            before=before,
            after=after,
            limit=limit,
            characters=characters,
        )
        return found[0] if found else None

    async def fetch_forgotten_sessions(self, *, within: timedelta) -> list[int]:
        answer = await self._call("forgotten_sessions", since=f"{within.total_seconds()} seconds")
        return [int(each) for each in answer] if isinstance(answer, list) else []

    async def fetch_sessions(
        self,
        *,
        limit: int,
        owner: UUID | None = None,
        every_owner: bool = False,
        before: int | None = None,
    ) -> list[SessionRow]:
        query = self._client.table("cogo_sessions").select(_SESSION)
        query = filter_by_owner(query, owner, every_owner=every_owner)
        if before is not None:
            query = query.lt("seq", before)
        return await read_query(SessionRow, query.order("seq", desc=True).limit(limit))

    async def find_sessions(
        self, *, first: UUID, last: UUID, limit: int, every_owner: bool, owner: UUID | None = None
    ) -> list[SessionRow]:
        query = self._client.table("cogo_sessions").select(_SESSION)
        query = filter_by_owner(query, owner, every_owner=every_owner)
        query = query.gte("id", str(first)).lte("id", str(last))
        return await read_query(SessionRow, query.order("seq", desc=True).limit(limit))

    async def fork_session(
        self,
        *,
        owner: UUID | None,
        session_id: UUID,
        through: int | None = None,
        new_id: UUID | None = None,
    ) -> UUID:
        found = await self._call_row(
            _ForkedSession,
            "fork_session",
            owner=None if owner is None else str(owner),
            session_id=str(session_id),
            through=through,
            id=str(new_id or uuid4()),  # so that a repeated call makes one copy
        )
        return found.session_id

    async def forget_sessions(
        self,
        *,
        owner: UUID | None = None,
        every_owner: bool = False,
        ids: Sequence[UUID] | None = None,
        before: datetime | Literal["infinity"] | None = None,
        dry_run: bool = False,
    ) -> ForgottenSessions:
        return await self._call_row(
            ForgottenSessions,
            "forget_sessions",
            owner=None if owner is None else str(owner),
            every_owner=every_owner,
            ids=None if ids is None else [str(each) for each in ids],
            before=before.isoformat() if isinstance(before, datetime) else before,
            dry_run=dry_run,
        )
