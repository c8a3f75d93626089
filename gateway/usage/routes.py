"""Usage by day, model, owner, project, ..., and how long the queue was."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from gateway.dependencies import AdminOnly, ServicesDep, TasksRead
from gateway.usage.csv_text import format_usage_csv
from gateway.usage.zones import UTC_NAME, add_zone
from protocol.records import (
    QueueHistory,
    UsageBucket,
    UsageFigure,
    UsageKey,
    UsageQuery,
    UsageReport,
)
from protocol.records.spending import NOBODY

router = APIRouter(tags=["usage"])

_NONE = "none"
_CSV = "text/csv"


class Period(BaseModel):
    """A period."""

    since: datetime | None = Field(
        None, description="Its beginning: a time, or a day as 2026-11-01."
    )
    until: datetime | None = Field(None, description="Its end, which is not included; now.")


class UsageRequest(Period):
    """Which calls to sum, and by what."""

    bucket: UsageBucket = Field(
        UsageBucket.DAY,
        description="`since` moves to the start of its hour, or of its day for days and months.",
    )
    by: list[UsageKey] = Field(
        [],
        max_length=2,
        description="A task with several tags counts for each of them. `provider_model` is the "
        "vendor's name of a model.",
    )
    zone: str = Field(
        UTC_NAME, max_length=100, description="Time zone of days and months, as Europe/Berlin."
    )
    project: str | None = Field(None, max_length=100, description="`none`: without a project.")
    owner: UUID | Literal["none"] | None = Field(
        None, description="A user; `none`: tasks without an owner."
    )
    model: str | None = Field(None, max_length=255)
    provider: str | None = Field(None, max_length=255)
    figures: list[UsageFigure | Literal["sums"]] | None = Field(
        None,
        description="What to add to the sums: numbers of `tasks`, `latencies`, or `sums` for "
        "nothing. All by default; without them the answer comes sooner.",
    )
    format: Literal["json", "csv"] | None = Field(
        None, description="Default: by the header `Accept`."
    )


class QueueHistoryRequest(Period):
    """Which samples to read."""

    lane: str | None = Field(
        None, max_length=255, description="Only this lane; empty: all lanes together."
    )


@router.get(
    "/usage",
    summary="Sum calls to models",
    response_model=UsageReport,
    response_model_exclude_unset=True,
    responses={200: {"content": {_CSV: {}}}},
)
async def show_usage_report(
    services: ServicesDep,
    principal: TasksRead,
    request: Request,
    wanted: Annotated[UsageRequest, Query()],
) -> Any:
    """Return tokens, costs, failures and latencies of your calls and those of your projects.

    With the scope `admin`, of all calls. The period is the last 30 days unless you name one.
    `cost_usd` is the sum of the costs that are known, and null if none is; `unknown_costs` counts
    the other calls. Percentiles are those of completed calls, at most 9 per cent off. Simulated
    calls have rows of their own.
    """
    report = await services.store.fetch_usage(_build_query(wanted), visible=principal.visibility)
    form = wanted.format or ("csv" if _CSV in request.headers.get("accept", "") else "json")
    if form == "json":
        return report
    name = f"usage-{report.since:%Y-%m-%d}-{report.until:%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(format_usage_csv(report), media_type=_CSV, headers=headers)


@router.get("/queue/history", summary="Show how long the queue was")
async def show_queue_history(
    services: ServicesDep, _principal: AdminOnly, wanted: Annotated[QueueHistoryRequest, Query()]
) -> QueueHistory:
    """Return how many subtasks lanes held, over the last day by default.

    The queue is sampled each minute, and samples are kept for 30 days. Each step has the highest
    numbers of its samples. A lane is missing in steps in which it held nothing, and beyond the 20
    with the most work; `lane` is null for all lanes together.
    """
    return await services.store.fetch_queue_history(
        since=_read_time(wanted.since, UTC_NAME),
        until=_read_time(wanted.until, UTC_NAME),
        lane=wanted.lane,
    )


def _build_query(wanted: UsageRequest) -> UsageQuery:
    return UsageQuery(
        since=_read_time(wanted.since, wanted.zone),
        until=_read_time(wanted.until, wanted.zone),
        bucket=wanted.bucket,
        by=wanted.by,
        zone=wanted.zone,
        owner=NOBODY if wanted.owner == _NONE else wanted.owner,
        project="" if wanted.project == _NONE else wanted.project,
        model=wanted.model,
        provider=wanted.provider,
        figures=_choose_figures(wanted.figures),
    )


def _read_time(moment: datetime | None, zone: str) -> datetime | None:
    return None if moment is None else add_zone(moment, zone)


def _choose_figures(wanted: list[UsageFigure | Literal["sums"]] | None) -> list[UsageFigure]:
    if wanted is None:
        return list(UsageFigure)
    return [each for each in wanted if each != "sums"]
