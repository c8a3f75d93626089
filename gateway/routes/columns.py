"""AI columns: columns of users' tables whose values models write."""

import json
from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gateway.auth.principal import Principal
from gateway.dependencies import AdminOnly, GatewayServices, ServicesDep, TasksRead
from gateway.problems import Problem
from gateway.strict_json import StrictRoute
from protocol.errors import NotFound
from protocol.json_values import parse_json
from protocol.records.base import may_have_more
from protocol.records.columns import (
    CellCosts,
    CellRow,
    CellState,
    ColumnChange,
    ColumnRow,
    ColumnVersion,
    estimate_cells,
)

router = APIRouter(prefix="/columns", tags=["columns"], route_class=StrictRoute)

BackfillState: TypeAlias = Literal["missing", "stale", "failed", "kept"]

_ESTIMATED_BY: Final = 200
"""Answers whose costs an estimate is made of."""


class VisibleColumn(BaseModel):
    """What a user may know of an AI column that has cells of theirs, as in the database."""

    id: UUID
    table_name: str
    column_name: str
    version: int


class Columns(BaseModel):
    """AI columns, by table and name."""

    columns: list[ColumnRow | VisibleColumn]


class ColumnDetails(BaseModel):
    """An AI column with what it asked for, the newest version first."""

    column: ColumnRow | VisibleColumn
    versions: list[ColumnVersion] = Field(description="Only for operators.")


class CellPageRequest(BaseModel):
    """Filters and the size of a page of cells."""

    state: CellState | None = None
    limit: int = Field(50, ge=1, le=200)
    after: str | None = Field(
        None, min_length=1, max_length=8_000, description="`next` of the previous page."
    )


class CellPage(BaseModel):
    """A page of cells, by the keys of their rows."""

    cells: list[CellRow]
    next: str | None = Field(description="`after` of the next page; null if there is none.")


class ColumnPause(BaseModel):
    """Why a column pauses."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "audit"}]})

    reason: str | None = Field(None, max_length=1_000)


class BackfillRequest(BaseModel):
    """Which rows to ask for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"states": ["missing"], "dry_run": True}]},
    )

    states: list[BackfillState] = Field(
        ["missing"],
        min_length=1,
        max_length=4,
        description="`missing`: rows without a value and without a cell. `kept` overwrites what "
        "people wrote.",
    )
    limit: int | None = Field(None, ge=1, le=2**31 - 1, description="At most this many rows.")
    dry_run: bool = Field(False, description="Only count and estimate; ask for nothing.")


class BackfillAnswer(ColumnChange):
    """What a backfill asks for, or would ask for."""

    estimate: CellCosts = Field(
        description="What these cells will cost, by answers of the present version."
    )


@router.get("", summary="List AI columns")
async def list_columns(services: ServicesDep, principal: TasksRead) -> Columns:
    """List AI columns with their numbers of cells, their spending and why they pause.

    Without the scope `admin` only the names of columns that have cells of yours.
    """
    columns = await services.store.fetch_columns()
    if principal.is_admin:
        return Columns(columns=columns)
    visible = [each for each in columns if await _has_cells(services, principal, each.id)]
    return Columns(columns=[_hide_settings(each) for each in visible])


@router.get("/{column_id}", summary="Show an AI column")
async def show_column(
    column_id: UUID, services: ServicesDep, principal: TasksRead
) -> ColumnDetails:
    """Return a column as in the list, and for operators with its settings and versions."""
    if principal.is_admin:
        return ColumnDetails(
            column=await services.store.fetch_column(column_id=column_id),
            versions=await services.store.fetch_column_versions(column_id=column_id),
        )
    if not await _has_cells(services, principal, column_id):
        raise NotFound(f"there is no AI column {column_id}, or no cell of it is yours")
    column = await services.store.fetch_column(column_id=column_id)
    return ColumnDetails(column=_hide_settings(column), versions=[])


@router.get("/{column_id}/cells", summary="List cells of an AI column")
async def list_cells(
    column_id: UUID,
    services: ServicesDep,
    principal: TasksRead,
    page: Annotated[CellPageRequest, Query()],
) -> CellPage:
    """List cells by the keys of their rows: all of them with the scope `admin`, else your own."""
    found = await services.store.find_cells(
        column_id=column_id,
        limit=page.limit,
        owner=principal.choose_owner(None),
        every_owner=principal.is_admin,
        states=[page.state] if page.state else [],
        after=_read_cursor(page.after),
    )
    is_full = may_have_more(found, page.limit)
    return CellPage(cells=found, next=json.dumps(found[-1].key) if is_full else None)


@router.post("/{column_id}/pause", summary="Pause an AI column")
async def pause_column(
    column_id: UUID, services: ServicesDep, _principal: AdminOnly, body: ColumnPause | None = None
) -> ColumnChange:
    """Ask for nothing until the column is resumed. What is open goes on to its end."""
    return await services.store.pause_column(
        column_id=column_id, reason=body.reason if body else None
    )


@router.post("/{column_id}/resume", summary="Resume an AI column")
async def resume_column(
    column_id: UUID, services: ServicesDep, _principal: AdminOnly
) -> ColumnChange:
    """Go on after a pause, whoever made it. A cap that is still spent pauses it again."""
    return await services.store.resume_column(column_id=column_id)


@router.post("/{column_id}/backfill", summary="Ask for old rows of an AI column")
async def backfill_column(
    column_id: UUID, services: ServicesDep, _principal: AdminOnly, body: BackfillRequest
) -> BackfillAnswer:
    """Ask for rows without a value, or for cells again, after those of new edits.

    With `dry_run` nothing is asked for: the answer says how many cells it would be, and what
    they may cost.
    """
    store = services.store
    column = await store.fetch_column(column_id=column_id)
    done = await store.find_cells(
        column_id=column_id, limit=_ESTIMATED_BY, every_owner=True, states=["done"]
    )
    change = await store.backfill_column(
        column_id=column_id, states=body.states, limit=body.limit, dry_run=body.dry_run
    )
    costs = [each.cost_usd for each in done if each.version == column.version]
    return BackfillAnswer(
        id=change.id, cells=change.cells, estimate=estimate_cells(change.cells, costs)
    )


async def _has_cells(services: GatewayServices, principal: Principal, column_id: UUID) -> bool:
    return bool(
        await services.store.find_cells(
            column_id=column_id, limit=1, owner=principal.choose_owner(None)
        )
    )


def _hide_settings(column: ColumnRow) -> VisibleColumn:
    return VisibleColumn.model_validate(column, from_attributes=True)


def _read_cursor(after: str | None) -> JsonValue:
    if after is None:
        return None
    try:
        return parse_json(after)
    except ValueError as error:
        raise Problem(
            400,
            "invalid_request",
            "after: it is not the `next` of a page",
            hint="leave it out for the first page",
            extra={"param": "after"},
        ) from error
