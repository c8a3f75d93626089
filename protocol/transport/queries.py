"""What is read from tables and views, over the official client."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel

from protocol.errors import NotFound
from protocol.records import (
    AgentRecord,
    Attempt,
    Event,
    SelectionRow,
    SessionMessage,
    Subtask,
    Task,
)
from protocol.transport.rpc_client import PAGE, Calls, answered, patiently, read_rows, read_to_end

_R = TypeVar("_R", bound=BaseModel)

_NEVER = datetime.min.replace(tzinfo=UTC)


class Reads(Calls):
    """The reading half of the store."""

    async def fetch_task(self, *, task_id: UUID) -> Task:
        query = self._client.table("cogo_tasks").select("*").eq("id", str(task_id))
        tasks = await read_query(Task, query)
        if not tasks:
            raise NotFound(f"there is no task {task_id}", hint="`cogo tasks list` lists them")
        return tasks[0]

    async def fetch_subtasks(self, *, task_id: UUID) -> list[Subtask]:
        return await read_pages(
            Subtask, lambda: self._of_task("cogo_subtasks", task_id).order("seq")
        )

    async def fetch_attempts(self, *, task_id: UUID) -> list[Attempt]:
        def query() -> Any:
            query = self._of_task("cogo_attempts", task_id).order("claimed_at")
            return query.order("subtask_id").order("attempt")

        return await read_pages(Attempt, query)

    async def fetch_selections(self, *, task_id: UUID) -> list[SelectionRow]:
        return await read_pages(
            SelectionRow,
            lambda: self._of_task("cogo_model_selections", task_id).order("created_at").order("id"),
        )

    async def fetch_events(self, *, task_id: UUID, after: int = 0) -> list[Event]:
        found: list[Event] = []
        while True:
            last = found[-1].seq if found else after
            query = self._of_task("cogo_events", task_id).gt("seq", last).order("seq").limit(PAGE)
            page = await read_query(Event, query)
            # A page may be short because the server gives less at once than was asked for.
            if not page:
                return found
            found += page

    async def fetch_agents(self) -> list[AgentRecord]:
        def query() -> Any:
            table = self._client.table("cogo_agents")
            return table.select("*,silent_ms:cogo_silent_ms").order("id")

        # Not paged by their heartbeats, which move meanwhile.
        found = await read_pages(AgentRecord, query)
        return sorted(found, key=lambda each: each.heartbeat_at or _NEVER, reverse=True)

    async def fetch_messages(
        self, *, owner: UUID | None, session_id: UUID, limit: int
    ) -> list[SessionMessage]:
        query = self._client.table("cogo_messages").select("role,content")
        query = (
            of_owner(query, owner)
            .eq("session_id", str(session_id))
            .order("seq", desc=True)
            .limit(limit)
        )
        return (await read_query(SessionMessage, query))[::-1]

    def _of_task(self, table: str, task_id: UUID) -> Any:
        return self._client.table(table).select("*").eq("task_id", str(task_id))


def of_owner(query: Any, owner: UUID | None, *, every_owner: bool = False) -> Any:
    """Narrow a query to the rows of an owner; None: to those without one."""
    if every_owner:
        return query
    return query.is_("owner", "null") if owner is None else query.eq("owner", str(owner))


def newest_first(query: Any, columns: Sequence[str], last: BaseModel | None) -> Any:
    """Order a query by columns that together are unique, and begin after the row `last`."""
    if last is not None:
        facts = {name: getattr(last, name) for name in columns}
        values = {
            name: each.isoformat() if isinstance(each, datetime) else each
            for name, each in facts.items()
        }
        clauses = []
        for place, column in enumerate(columns):
            parts = [f'{name}.eq."{values[name]}"' for name in columns[:place]]
            parts.append(f'{column}.lt."{values[column]}"')
            clauses.append(f"and({','.join(parts)})")
        query = query.or_(",".join(clauses))
    for column in columns:
        query = query.order(column, desc=True)
    return query


async def read_pages(row: type[_R], query: Callable[[], Any]) -> list[_R]:
    """Read all rows of an ordered query, page by page; rows may be added at its end meanwhile."""
    return await read_to_end(lambda start: read_query(row, query().range(start, start + PAGE - 1)))


async def read_query(row: type[_R], query: Any) -> list[_R]:
    """Send a query of the official client and read its rows."""
    call = f"reading {row.__name__}"

    async def send() -> Any:
        # The client would repeat reads by itself, for seconds, within each of our own tries.
        return answered((await query.retry(enabled=False).execute()).data, call=call)

    return read_rows(row, await patiently(send, call=call))
