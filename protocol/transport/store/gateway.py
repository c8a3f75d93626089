"""API keys and lists of tasks over the official client."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import JsonValue

from protocol.json_values import JsonObject
from protocol.lifecycle import TaskState
from protocol.records import (
    ActionRow,
    ApiKey,
    AttemptOutput,
    DeadLetter,
    DeadLetterFilter,
    DeadLetterGroup,
    ErasedBatch,
    ExportedRow,
    Member,
    ModelStats,
    NewApiKey,
    ProjectRole,
    ProjectRow,
    QueueHistory,
    Removed,
    Subtask,
    Task,
    TaskCall,
    TaskCount,
    TaskFacets,
    TaskFilter,
    TaskLine,
    TaskPage,
    ToolTurn,
    Visibility,
)
from protocol.records.base import LEAST_PAGE, ListedRow
from protocol.transport.queries import (
    filter_by_visibility,
    read_pages,
    read_query,
    write_visibility,
)
from protocol.transport.rpc_client import RpcClient

_PREVIEWS = "cogo_task_previews"
"""The view behind lists of tasks, without long prompts and results."""
_LINE = ",".join(TaskLine.model_fields.keys() - ListedRow.model_fields.keys())
_CALL = ",".join(TaskCall.model_fields.keys() - ListedRow.model_fields.keys())
_ATTEMPT_OUTPUT = (
    "subtask_id,attempt,text:output->>text,reasoning:output->>reasoning,"
    "turn:output->turn,characters:output->characters"
)
_TOOL_TURN = (
    "subtask_id,seq,kind,attempt,call_id:body->>call_id,tool:body->>tool,status:body->>status,"
    "seconds:body->seconds,created_at"
)
_OPEN = [each.value for each in TaskState if not each.is_final]


class SupabaseGatewayStore(RpcClient):
    """Implementation of `protocol.store.gateway.GatewayStore`."""

    async def check_api_key(self, *, key_id: str, key_hash: str) -> ApiKey | None:
        found = await self._call_rows(ApiKey, "check_api_key", id=key_id, hash=key_hash)
        return found[0] if found else None

    async def fetch_api_keys(self) -> list[ApiKey]:
        return await self._call_pages(ApiKey, "api_keys")

    async def create_api_key(self, key: NewApiKey) -> ApiKey:
        body = key.model_dump(mode="json", exclude_none=True)
        return await self._call_row(ApiKey, "create_api_key", **body)

    async def revoke_api_key(self, *, key_id: str) -> ApiKey:
        return await self._call_row(ApiKey, "revoke_api_key", id=key_id)

    async def fetch_projects(self, *, names: Sequence[str] | None = None) -> list[ProjectRow]:
        given: list[JsonValue] | None = None if names is None else list(names)
        return await self._call_pages(ProjectRow, "projects", names=given)

    async def fetch_memberships(self, *, user_id: UUID) -> list[Member]:
        table = self._client.table("cogo_project_members")
        return await read_query(
            Member, table.select("*").eq("user_id", str(user_id)).order("project")
        )

    async def set_member(self, *, project: str, user_id: UUID, role: ProjectRole) -> Member:
        return await self._call_row(
            Member, "set_project_member", project=project, user_id=str(user_id), role=role
        )

    async def remove_member(self, *, project: str, user_id: UUID) -> bool:
        removed = await self._call_row(
            Removed, "remove_project_member", project=project, user_id=str(user_id)
        )
        return removed.removed

    async def erase_owner(
        self,
        *,
        owner: UUID,
        limit: int,
        requested_by: str | None = None,
        dry_run: bool = False,
    ) -> ErasedBatch:
        return await self._call_row(
            ErasedBatch,
            "erase_owner",
            owner=str(owner),
            limit=limit,
            requested_by=requested_by,
            dry_run=dry_run,
        )

    async def erase_project(
        self,
        *,
        project: str,
        limit: int,
        requested_by: str | None = None,
        dry_run: bool = False,
    ) -> ErasedBatch:
        return await self._call_row(
            ErasedBatch,
            "erase_project",
            project=project,
            limit=limit,
            requested_by=requested_by,
            dry_run=dry_run,
        )

    async def export_tables(self, *, of_project: bool = False) -> list[str]:
        tables = await self._call("export_tables", of_project=of_project)
        return [each["name"] for each in tables]

    async def export_project(
        self, *, project: str, table: str, limit: int, after: dict[str, JsonValue] | None = None
    ) -> list[ExportedRow]:
        return await self._call_rows(
            ExportedRow, "export_project", project=project, table=table, after=after, limit=limit
        )

    async def export_owner(
        self, *, owner: UUID, table: str, limit: int, after: dict[str, JsonValue] | None = None
    ) -> list[ExportedRow]:
        return await self._call_rows(
            ExportedRow, "export_owner", owner=str(owner), table=table, after=after, limit=limit
        )

    async def find_tasks(
        self,
        *,
        limit: int,
        visible: Visibility,
        wanted: TaskFilter | None = None,
        before: int | None = None,
        after: int | None = None,
    ) -> TaskPage:
        given = _write_filter(wanted, visible)
        return await self._call_row(
            TaskPage, "find_tasks", filter=given, limit=limit, before=before, after=after
        )

    async def count_tasks(
        self, *, visible: Visibility, wanted: TaskFilter | None = None
    ) -> TaskCount:
        return await self._call_row(TaskCount, "count_tasks", filter=_write_filter(wanted, visible))

    async def fetch_task_facets(self, *, visible: Visibility) -> TaskFacets:
        return await self._call_row(TaskFacets, "task_facets", filter=_write_filter(None, visible))

    async def fetch_lines_by_id(self, *, task_ids: Sequence[UUID]) -> list[TaskLine]:
        found: list[TaskLine] = []
        for first in range(0, len(task_ids), LEAST_PAGE):
            query = self._client.table(_PREVIEWS).select(_LINE)
            some = [*map(str, task_ids[first : first + LEAST_PAGE])]
            found += await read_query(TaskLine, query.in_("id", some))
        return found

    async def delete_task(self, *, task_id: UUID) -> None:
        query = self._client.table("cogo_tasks").delete().eq("id", str(task_id))
        ended = [each.value for each in TaskState if each.is_final]
        await read_query(Task, query.in_("status", ended))

    async def fetch_lines(self, *, limit: int, visible: Visibility) -> list[TaskLine]:
        found: dict[UUID, TaskLine] = {}
        for statuses in (None, _OPEN):
            query = self._client.table(_PREVIEWS).select(_LINE)
            query = filter_by_visibility(query, visible)
            query = query.is_("parent_task_id", "null").is_("follow_up", "null")
            if statuses is not None:
                query = query.in_("status", statuses)
            query = query.order("seq", desc=True).limit(limit)
            found |= {each.id: each for each in await read_query(TaskLine, query)}
        return sorted(found.values(), key=lambda each: each.seq, reverse=True)

    async def fetch_lines_between(self, *, first: UUID, last: UUID, limit: int) -> list[TaskLine]:
        query = self._client.table(_PREVIEWS).select(_LINE)
        query = query.gte("id", str(first)).lte("id", str(last))
        return await read_query(TaskLine, query.order("seq", desc=True).limit(limit))

    async def find_subtasks(self, *, task_id: UUID, ids: Sequence[UUID]) -> list[Subtask]:
        query = self._client.table("cogo_subtasks").select("*").eq("task_id", str(task_id))
        return await read_query(Subtask, query.in_("id", [*map(str, ids)]).order("seq"))

    async def fetch_task_calls(self, *, task_id: UUID) -> list[TaskCall]:
        def query() -> Any:
            rows = self._client.table("cogo_calls").select(_CALL).eq("task_id", str(task_id))
            return rows.order("started_at").order("id").order("outcome")

        return await read_pages(TaskCall, query)

    async def fetch_attempt_outputs(self, *, task_id: UUID) -> list[AttemptOutput]:
        def query() -> Any:
            rows = self._client.table("cogo_attempts").select(_ATTEMPT_OUTPUT)
            rows = rows.eq("task_id", str(task_id)).not_.is_("output", "null")
            return rows.order("claimed_at").order("subtask_id").order("attempt")

        return await read_pages(AttemptOutput, query)

    async def fetch_tool_turns(self, *, task_id: UUID) -> list[ToolTurn]:
        def query() -> Any:
            rows = self._client.table("cogo_turns").select(_TOOL_TURN).eq("task_id", str(task_id))
            return rows.in_("kind", ["begun", "result"]).order("subtask_id").order("seq")

        return await read_pages(ToolTurn, query)

    async def find_actions(
        self,
        *,
        limit: int,
        before: int | None = None,
        who: str | None = None,
        kind: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
    ) -> list[ActionRow]:
        query = self._client.table("cogo_actions").select("*")
        wanted = {"who": who, "kind": kind, "subject": subject}
        for column, value in wanted.items():
            if value is not None:
                query = query.eq(column, value)
        if since is not None:
            query = query.gte("at", since.isoformat())
        if before is not None:
            query = query.lt("id", before)
        return await read_query(ActionRow, query.order("id", desc=True).limit(limit))

    async def find_dead_letters(
        self,
        *,
        limit: int,
        wanted: DeadLetterFilter | None = None,
        after: tuple[datetime, UUID] | None = None,
    ) -> list[DeadLetter]:
        query = self._client.table("cogo_dead_letters").select("*")
        if wanted is not None:
            if wanted.since is not None:
                query = query.gte("dead_at", wanted.since.isoformat())
            if wanted.until is not None:
                query = query.lt("dead_at", wanted.until.isoformat())
            equal = wanted.model_dump(include={"error_class", "lane", "type"}, exclude_none=True)
            for column, value in equal.items():
                query = query.eq(column, value)
        if after is not None:
            moment, subtask_id = after[0].isoformat(), after[1]
            query = query.or_(
                f'dead_at.lt."{moment}",and(dead_at.eq."{moment}",subtask_id.lt."{subtask_id}")'
            )
        query = query.order("dead_at", desc=True).order("subtask_id", desc=True)
        return await read_query(DeadLetter, query.limit(limit))

    async def fetch_dead_letter_groups(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[DeadLetterGroup]:
        return await self._call_rows(
            DeadLetterGroup,
            "dead_letter_groups",
            since=since.isoformat() if since else None,
            until=until.isoformat() if until else None,
        )

    async def fetch_model_stats(self) -> list[ModelStats]:
        return await read_query(ModelStats, self._client.table("cogo_model_stats").select("*"))

    async def fetch_queue_history(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        lane: str | None = None,
    ) -> QueueHistory:
        return await self._call_row(
            QueueHistory,
            "queue_history",
            since=since.isoformat() if since else None,
            until=until.isoformat() if until else None,
            lane=lane,
        )


def _write_filter(wanted: TaskFilter | None, visible: Visibility) -> JsonObject:
    given = {} if wanted is None else wanted.model_dump(mode="json", exclude_defaults=True)
    return given | {"visible": write_visibility(visible)}
