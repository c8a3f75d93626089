"""AI columns over the official client."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue

from protocol.errors import NotFound
from protocol.records.columns import (
    CellRow,
    CellState,
    ColumnChange,
    ColumnRow,
    ColumnRun,
    ColumnSample,
    ColumnVersion,
)
from protocol.transport.queries import filter_by_owner, read_pages, read_query
from protocol.transport.rpc_client import PAGE, RpcClient

_INDEXED: Final[Mapping[CellState, str]] = {
    "pending": "stored_state.eq.pending,stored_state.eq.asked",
    "done": "stored_state.eq.done",
    "stale": "and(stored_state.eq.done,version.lt.{version}),"
    "and(stored_state.eq.done,version.gt.{version})",
    "failed": "stored_state.eq.failed",
    "kept": "stored_state.eq.kept",
}
"""What indexes serve, each part one: `state` is computed."""


class SupabaseColumnStore(RpcClient):
    """Implementation of `protocol.store.columns.ColumnStore`."""

    async def run_columns(
        self, *, agent_id: str, limit: int = 500, host: str | None = None
    ) -> ColumnRun:
        return await self._call_row(
            ColumnRun, "run_columns", agent_id=agent_id, limit=limit, host=host
        )

    async def fetch_columns(self) -> list[ColumnRow]:
        def query() -> Any:
            rows = self._client.table("cogo_columns").select("*")
            return rows.order("table_name").order("column_name")

        return await read_pages(ColumnRow, query)

    async def fetch_column(self, *, column_id: UUID) -> ColumnRow:
        query = self._client.table("cogo_columns").select("*").eq("id", str(column_id))
        found = await read_query(ColumnRow, query)
        if not found:
            raise NotFound(f"there is no AI column {column_id}", hint="`cogo columns` lists them")
        return found[0]

    async def fetch_column_versions(self, *, column_id: UUID) -> list[ColumnVersion]:
        query = self._client.table("cogo_column_versions").select("*")
        query = query.eq("column_id", str(column_id)).order("version", desc=True)
        return await read_query(ColumnVersion, query.limit(PAGE))

    async def find_cells(
        self,
        *,
        column_id: UUID,
        limit: int,
        owner: UUID | None = None,
        every_owner: bool = False,
        states: Sequence[CellState] = (),
        after: JsonValue = None,
    ) -> list[CellRow]:
        query = self._client.table("cogo_column_cells").select("*").eq("column_id", str(column_id))
        query = filter_by_owner(query, owner, every_owner=every_owner)
        if states:
            version = await self._find_version(column_id) if "stale" in states else 0
            indexed = ",".join(_INDEXED[state] for state in dict.fromkeys(states))
            query = query.in_("state", list(states)).or_(indexed.format(version=version))
        if after is not None:
            query = query.gt("key", json.dumps(after, ensure_ascii=False))
        return await read_query(CellRow, query.order("key").limit(limit))

    async def _find_version(self, column_id: UUID) -> int:
        """Return the version that a column has now, 0 if there is no such column."""
        query = self._client.table("cogo_columns").select("*").eq("id", str(column_id))
        return next((each.version for each in await read_query(ColumnRow, query)), 0)

    async def pause_column(self, *, column_id: UUID, reason: str | None = None) -> ColumnChange:
        return await self._call_row(
            ColumnChange, "pause_column", column_id=str(column_id), reason=reason
        )

    async def resume_column(self, *, column_id: UUID) -> ColumnChange:
        return await self._call_row(ColumnChange, "resume_column", column_id=str(column_id))

    async def backfill_column(
        self,
        *,
        column_id: UUID,
        states: Sequence[str],
        limit: int | None = None,
        dry_run: bool = False,
    ) -> ColumnChange:
        return await self._call_row(
            ColumnChange,
            "backfill_column",
            column_id=str(column_id),
            states=list(states),
            limit=limit,
            dry_run=dry_run,
        )

    async def sample_column(self, *, column_id: UUID, rows: int) -> list[ColumnSample]:
        return await self._call_rows(
            ColumnSample, "sample_column", column_id=str(column_id), rows=rows
        )
