"""AI columns: columns of users' tables whose values models write."""

import math
import statistics
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from protocol.records.base import ListedRow, Row

CellState: TypeAlias = Literal["pending", "done", "stale", "failed", "kept"]
"""pending: wanted, perhaps asked for. done: written. stale: made by an earlier version. failed: an
operator may ask again. kept: a person's value, which is not overwritten."""


class ColumnRun(Row):
    """What one call for all AI columns has done."""

    collected: int
    """Edits of rows that became cells."""
    applied: int
    """Answers that were written, or found out of date or invalid."""
    asked: int
    """Cells for which tasks were submitted."""
    is_more: bool
    """Whether another call would do more at once."""
    standing_still: str | None = None
    """Why nothing was done at all: the database is a copy."""

    @property
    def is_idle(self) -> bool:
        """True if it did nothing."""
        return not (self.collected or self.applied or self.asked)


class Backfill(Row):
    """The progress of the rows that existed before."""

    total: int
    done: int
    started_at: datetime | None = Field(default=None, alias="from")


def _read_time(value: object) -> object:
    return None if value == "infinity" else value


class ColumnRow(ListedRow):
    """A row of `cogo_columns`."""

    id: UUID
    table_name: str
    """With its schema, quoted where SQL needs it."""
    column_name: str
    type: str
    version: int = 1
    prompt: str = ""
    model: str | None = None
    """None: chosen for each task."""
    preferences: dict[str, Any] = Field(default_factory=dict)
    params: dict[str, Any] = Field(default_factory=dict)
    answer_schema: JsonValue = Field(default=None, alias="schema")
    sources: list[str] = Field(default_factory=list)
    named_sources: list[str] = Field(default_factory=list)
    """The same as the prompt names them, which is by names that they may have had before."""
    owner_column: str | None = None
    overwrite: bool = False
    open_tasks: int | None = None
    project: str | None = None
    """That of its tasks."""
    max_usd_per_row: Decimal | None = None
    max_usd_per_day: Decimal | None = None
    max_usd: Decimal | None = None
    spent_today_usd: Decimal | None = None
    spent_usd: Decimal | None = None
    pending: int = 0
    asked: int = 0
    """Of `pending`: whose task is open."""
    done: int = 0
    stale: int = 0
    failed: int = 0
    kept: int = 0
    paused_at: datetime | None = None
    paused_until: Annotated[datetime | None, BeforeValidator(_read_time)] = None
    """When it goes on by itself; None: it is not paused, or not until a person does something."""
    paused_reason: str | None = None
    standing_still: str | None = None
    """Why it does nothing although nobody paused it."""
    error: str | None = None
    """The last error of the column itself, not of a cell."""
    backfill: Backfill | None = None
    key_columns: list[str] = Field(default_factory=list)
    """The table's primary key, in the order of the keys of its cells."""
    created_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def name(self) -> str:
        """The name as the command line takes it."""
        return f"{self.table_name}.{self.column_name}"

    @property
    def counts(self) -> dict[CellState, int]:
        """The number of cells by state."""
        return {
            "pending": self.pending,
            "done": self.done,
            "stale": self.stale,
            "failed": self.failed,
            "kept": self.kept,
        }

    @property
    def is_paused(self) -> bool:
        """True while it asks for nothing."""
        return self.paused_reason is not None or self.paused_at is not None


class ColumnVersion(ListedRow):
    """A row of `cogo_column_versions`: what an AI column asks for, or once asked for."""

    column_id: UUID
    version: int
    prompt: str = ""
    model: str | None = None
    preferences: dict[str, Any] = Field(default_factory=dict)
    params: dict[str, Any] = Field(default_factory=dict)
    answer_schema: JsonValue = Field(default=None, alias="schema")
    sources: list[str] = Field(default_factory=list)
    created_at: datetime | None = None


class CellRow(ListedRow):
    """A row of `cogo_column_cells`."""

    column_id: UUID
    table_name: str
    column_name: str
    key: JsonValue
    """The row's primary key: a list in the order of `ColumnRow.key_columns`."""
    state: CellState
    reason: str | None = None
    model: str | None = None
    cost_usd: Decimal | None = None
    task_id: UUID | None = None
    version: int | None = None
    owner: UUID | None = None
    asked_at: datetime | None = None
    done_at: datetime | None = None


class ColumnChange(Row):
    """What an operator's command did to an AI column."""

    id: UUID
    cells: int = 0
    """How many will be asked for because of it."""


class ColumnSample(Row):
    """What would be submitted for one row."""

    key: JsonValue
    owner: UUID | None = None
    type: str
    prompt: str
    params: dict[str, Any] = Field(default_factory=dict)
    model: str | None = None
    preferences: dict[str, Any] = Field(default_factory=dict)
    budget_usd: Decimal | None = None


class CellCosts(BaseModel):
    """What cells will cost in US dollars, as far as the costs of others tell; None: unknown."""

    model_config = ConfigDict(frozen=True)

    low: float | None = None
    expected: float | None = None
    high: float | None = None
    based_on: int = 0
    """Number of cells whose cost was known."""


def estimate_cells(cells: int, costs: Sequence[Decimal | None]) -> CellCosts:
    """Return what so many cells will cost if they are like others that had these costs.

    The bounds are those of the mean, beyond which one in twenty lies.
    """
    known = [float(each) for each in costs if each is not None]
    if not known:
        return CellCosts()
    mean = statistics.fmean(known)
    spread = statistics.stdev(known) if len(known) > 1 else mean / 2
    error = 2 * spread / math.sqrt(len(known))
    return CellCosts(
        low=cells * max(0.0, mean - error),
        expected=cells * mean,
        high=cells * (mean + error),
        based_on=len(known),
    )


def describe_key(columns: Sequence[str], key: JsonValue) -> str:
    """Return the key of a row for a person: `id=5`."""
    values = key if isinstance(key, list) else [key]
    names = columns if len(columns) == len(values) else [""] * len(values)
    return ", ".join(
        f"{name}={value}" if name else str(value) for name, value in zip(names, values, strict=True)
    )
