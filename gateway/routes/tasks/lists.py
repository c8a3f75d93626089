"""Many tasks: find, count, and do one thing with all of them."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.dependencies import ServicesDep, TasksRead, TasksWrite
from gateway.problems import Problem
from gateway.strict_json import StrictRoute
from gateway.tasks.bulk import (
    MAX_TASKS,
    BulkAction,
    BulkTasks,
    SkippedTask,
    find_bulk_tasks,
    run_bulk,
)
from protocol.records import TaskCount, TaskFacets, TaskFilter, TaskPage

router = APIRouter(prefix="/tasks", tags=["tasks"], route_class=StrictRoute)

VIA: Final = "http"


class FilterRequest(TaskFilter):
    """Filters of a list."""

    model_config = ConfigDict(extra="ignore")


class PageRequest(FilterRequest):
    """Filters and the size of a page."""

    limit: int = Field(50, ge=1, le=200)
    before: int | None = Field(None, ge=1, le=2**53, description="`next` of the previous page.")
    after: int | None = Field(
        None, ge=0, le=2**53, description="`newer` of a page: the tasks just newer than that one's."
    )

    @property
    def wanted(self) -> TaskFilter:
        """The filters alone."""
        return TaskFilter(**self.model_dump(include=set(TaskFilter.model_fields)))


class BulkRequest(BaseModel):
    """An action on many tasks: on those with these ids, or on those that a filter finds."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"action": "retry", "filter": {"status": ["failed"], "since": "2026-11-30T12:00Z"}}
            ]
        },
    )

    action: BulkAction = Field(
        description="`approve` and `refuse` answer the open questions of the tasks."
    )
    ids: list[UUID] | None = Field(None, max_length=MAX_TASKS)
    filter: TaskFilter | None = Field(
        None, description="As in GET /tasks; of these, the tasks with which it can be done."
    )
    before: int | None = Field(None, ge=1, le=2**53, description="`next` of the call before.")
    reason: str | None = Field(
        None, max_length=1_000, description="Of a cancellation; or the comment of an answer."
    )
    dry_run: bool = Field(False, description="Only say with which tasks it would be done.")


class BulkReport(BaseModel):
    """What became of each task."""

    done: list[UUID] = Field(description="In the order in which it was done.")
    skipped: list[SkippedTask]
    is_more: bool = Field(description="The filter finds more: call again with `before`.")
    next: int | None = Field(description="`before` of the next call; null if there is none.")


@router.get("", summary="Find tasks")
async def find_tasks(
    services: ServicesDep, principal: TasksRead, page: Annotated[PageRequest, Query()]
) -> TaskPage:
    """Find your tasks, newest first; with the scope `admin` those of all owners.

    Repeat a filter to give it several values. A page takes a fraction of a second: it may be short,
    or empty, and have a `next` one with older tasks, and one with `newer` tasks. Prompts are cut to
    300 characters; large params and results have only their short fields.
    """
    return await services.store.find_tasks(
        limit=page.limit,
        visible=principal.visibility,
        wanted=page.wanted,
        before=page.before,
        after=page.after,
    )


@router.get("/count", summary="Count tasks")
async def count_tasks(
    services: ServicesDep, principal: TasksRead, wanted: Annotated[FilterRequest, Query()]
) -> TaskCount:
    """Count the tasks that filters find, up to 10,000."""
    return await services.store.count_tasks(visible=principal.visibility, wanted=wanted)


@router.get("/facets", summary="List what tasks can be filtered by")
async def list_facets(services: ServicesDep, principal: TasksRead) -> TaskFacets:
    """Return the types, models, projects, tags and owners of the newest 2,000 tasks."""
    return await services.store.fetch_task_facets(visible=principal.visibility)


@router.post("/bulk", summary="Cancel, retry, pause, resume or answer many tasks")
async def act_on_many(
    body: BulkRequest, services: ServicesDep, principal: TasksWrite
) -> BulkReport:
    """Do something with each of up to 1,000 tasks, by itself, as if it were the only one.

    Tasks with which it cannot be done are skipped, with the reason. Nothing is undone if the client
    disconnects.
    """
    if (body.ids is None) == (body.filter is None):
        raise Problem(400, "invalid_argument", "give either ids or a filter")
    found = BulkTasks(ids=body.ids or [])
    if body.filter is not None:
        found = await find_bulk_tasks(
            services.store, principal, body.action, body.filter, before=body.before
        )
    outcome = await run_bulk(
        services.store,
        principal,
        body.action,
        found.ids,
        reason=body.reason,
        via=VIA,
        dry_run=body.dry_run,
    )
    return BulkReport(
        done=outcome.done,
        skipped=outcome.skipped,
        is_more=found.next is not None,
        next=found.next,
    )
