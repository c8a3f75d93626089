"""AI columns over the official client."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from protocol.records.columns import (
    CellRow,
    CellState,
    ColumnChange,
    ColumnRow,
    ColumnRun,
    ColumnSample,
)
from protocol.transport.queries import read_pages, read_query
from protocol.transport.rpc_client import RpcClient


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

    async def fetch_cells(
        self, *, column_id: UUID, limit: int, states: Sequence[CellState] = (), offset: int = 0
    ) -> list[CellRow]:
        query = self._client.table("cogo_column_cells").select("*").eq("column_id", str(column_id))
        if states:
            query = query.in_("state", list(states))
        query = query.order("key").range(offset, offset + limit - 1)
        return await read_query(CellRow, query)

    async def pause_column(self, *, column_id: UUID, reason: str | None = None) -> ColumnChange:
        return await self._call_row(
            ColumnChange, "pause_column", column_id=str(column_id), reason=reason
        )

    async def resume_column(self, *, column_id: UUID) -> ColumnChange:
        return await self._call_row(ColumnChange, "resume_column", column_id=str(column_id))

    async def backfill_column(
        self, *, column_id: UUID, states: Sequence[str], limit: int | None = None
    ) -> ColumnChange:
        return await self._call_row(
            ColumnChange,
            "backfill_column",
            column_id=str(column_id),
            states=list(states),
            limit=limit,
        )

    async def sample_column(self, *, column_id: UUID, rows: int) -> list[ColumnSample]:
        return await self._call_rows(
            ColumnSample, "sample_column", column_id=str(column_id), rows=rows
        )
