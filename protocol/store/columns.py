"""AI columns: one method per RPC or view."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from protocol.records.columns import (
    CellRow,
    CellState,
    ColumnChange,
    ColumnRow,
    ColumnRun,
    ColumnSample,
)


class ColumnRunStore(Protocol):
    """What orchestrators do for AI columns. Raises what `QueueStore` raises."""

    async def run_columns(
        self, *, agent_id: str, limit: int = 500, host: str | None = None
    ) -> ColumnRun:
        """Collect edits, write answers and submit tasks, each for at most `limit` rows.

        `host` is that of the project's address; on a copy of the database nothing is done.
        """
        ...


class ColumnStore(ColumnRunStore, Protocol):
    """AI columns for operators."""

    async def fetch_columns(self) -> list[ColumnRow]:
        """Read all AI columns, by table and name."""
        ...

    async def fetch_cells(
        self, *, column_id: UUID, limit: int, states: Sequence[CellState] = (), offset: int = 0
    ) -> list[CellRow]:
        """Read cells of a column, by key; of these states, if any is given."""
        ...

    async def pause_column(self, *, column_id: UUID, reason: str | None = None) -> ColumnChange:
        """Ask for nothing until the column is resumed. Raise NotFound."""
        ...

    async def resume_column(self, *, column_id: UUID) -> ColumnChange:
        """Go on after a pause, whoever made it. Raise NotFound."""
        ...

    async def backfill_column(
        self, *, column_id: UUID, states: Sequence[str], limit: int | None = None
    ) -> ColumnChange:
        """Ask for rows without a cell (`missing`), or for cells of these states. Raise NotFound."""
        ...

    async def sample_column(self, *, column_id: UUID, rows: int) -> list[ColumnSample]:
        """Return what would be submitted for some rows; nothing is written. Raise NotFound."""
        ...
