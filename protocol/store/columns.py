"""AI columns: one method per RPC or view."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from pydantic import JsonValue

from protocol.records.columns import (
    CellRow,
    CellState,
    ColumnChange,
    ColumnRow,
    ColumnRun,
    ColumnSample,
    ColumnVersion,
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

    async def fetch_column(self, *, column_id: UUID) -> ColumnRow:
        """Read an AI column. Raise NotFound."""
        ...

    async def fetch_column_versions(self, *, column_id: UUID) -> list[ColumnVersion]:
        """Read what a column asked for, the newest version first."""
        ...

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
        """Read cells of `owner` (None: of those without one), by key, after the key `after`.

        `states`: only cells of these.
        """
        ...

    async def pause_column(self, *, column_id: UUID, reason: str | None = None) -> ColumnChange:
        """Ask for nothing until the column is resumed. Raise NotFound."""
        ...

    async def resume_column(self, *, column_id: UUID) -> ColumnChange:
        """Go on after a pause, whoever made it. Raise NotFound."""
        ...

    async def backfill_column(
        self,
        *,
        column_id: UUID,
        states: Sequence[str],
        limit: int | None = None,
        dry_run: bool = False,
    ) -> ColumnChange:
        """Ask for rows without a value (`missing`), or for cells of these states.

        `dry_run`: only count them. Raise NotFound, and MoveNotAllowed if the column stands still.
        """
        ...

    async def sample_column(self, *, column_id: UUID, rows: int) -> list[ColumnSample]:
        """Return what would be submitted for some rows; nothing is written.

        Raise NotFound, and MoveNotAllowed if the column stands still.
        """
        ...
