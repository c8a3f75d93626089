"""Dead letters: subtasks that failed for good, by reason and one by one, and their retries."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.dependencies import AdminOnly, ServicesDep
from gateway.problems import Problem
from gateway.strict_json import StrictRoute
from gateway.tasks.bulk import MAX_TASKS, BulkAction, SkippedTask, run_bulk
from gateway.tasks.shown import Prompts, load_prompts
from protocol.records import DeadLetter, DeadLetterFilter, DeadLetterGroup
from protocol.records.base import may_have_more

router = APIRouter(prefix="/dead-letters", tags=["operate"], route_class=StrictRoute)

_VIA = "http"
_Place = Annotated[
    str | None,
    Field(
        max_length=100,
        pattern=r"^[0-9T:.+Z-]+~[0-9a-f-]{36}$",
        description="`next` of the previous page.",
    ),
]


class DeadLettersRequest(DeadLetterFilter):
    """Filters and the size of a page."""

    model_config = ConfigDict(extra="ignore")

    limit: int = Field(50, ge=1, le=200)
    before: _Place = None


class DeadLetters(BaseModel):
    """A page of subtasks that failed for good, newest first."""

    dead_letters: list[DeadLetter]
    prompts: Prompts
    next: str | None = Field(description="`before` of the next page; null if there is none.")


class PeriodRequest(BaseModel):
    """A time of deaths."""

    since: datetime | None = Field(None, description="Died then or later.")
    until: datetime | None = Field(None, description="Died before.")


class DeadLetterGroups(BaseModel):
    """Groups of dead letters, the largest first; 500 at most."""

    groups: list[DeadLetterGroup]


class RetryRequest(BaseModel):
    """A retry of the tasks of all dead letters that a filter finds."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"filter": {"error_class": "timeout", "since": "2026-11-30T12:00Z"}}]
        },
    )

    filter: DeadLetterFilter
    before: _Place = None
    dry_run: bool = Field(False, description="Only say which tasks would be retried.")


class RetryReport(BaseModel):
    """What became of each task."""

    done: list[UUID] = Field(description="In the order in which it was done.")
    skipped: list[SkippedTask]
    is_more: bool = Field(description="The filter finds more: call again with `before`.")
    next: str | None = Field(description="`before` of the next call; null if there is none.")


@router.get("", summary="List dead letters")
async def list_dead_letters(
    services: ServicesDep, principal: AdminOnly, page: Annotated[DeadLettersRequest, Query()]
) -> DeadLetters:
    """List subtasks that failed for good, newest first: why, and every attempt.

    `POST /dead-letters/retry` tries all that match again, `POST /tasks/{task_id}/redrive` those of
    a task.
    """
    wanted = DeadLetterFilter(**page.model_dump(include=set(DeadLetterFilter.model_fields)))
    found = await services.store.find_dead_letters(
        limit=page.limit, wanted=wanted, after=_parse_place(page.before)
    )
    prompts = await load_prompts(services, principal, (each.task_id for each in found))
    return DeadLetters(dead_letters=found, prompts=prompts, next=_find_next(found, page.limit))


@router.get("/groups", summary="Count dead letters by reason")
async def list_groups(
    services: ServicesDep, _principal: AdminOnly, period: Annotated[PeriodRequest, Query()]
) -> DeadLetterGroups:
    """Count the dead letters of a time by class of error, lane and type."""
    found = await services.store.fetch_dead_letter_groups(since=period.since, until=period.until)
    return DeadLetterGroups(groups=found)


@router.post("/retry", summary="Retry the tasks of dead letters")
async def retry_dead_letters(
    body: RetryRequest, services: ServicesDep, principal: AdminOnly
) -> RetryReport:
    """Retry the tasks of up to 1,000 dead letters that the filter finds, each by itself.

    Tasks that are not failed, for example because they went on without the step, are skipped. Call
    again with `before` for those that died earlier.
    """
    found = await services.store.find_dead_letters(
        limit=MAX_TASKS, wanted=body.filter, after=_parse_place(body.before)
    )
    outcome = await run_bulk(
        services.store,
        principal,
        BulkAction.RETRY,
        [each.task_id for each in found],
        via=_VIA,
        dry_run=body.dry_run,
    )
    place = _find_next(found, MAX_TASKS)
    return RetryReport(
        done=outcome.done, skipped=outcome.skipped, is_more=place is not None, next=place
    )


def _find_next(found: list[DeadLetter], limit: int) -> str | None:
    """Return the place from which the next page goes on; None if the page was not full."""
    if not may_have_more(found, limit):
        return None
    return f"{found[-1].dead_at.isoformat()}~{found[-1].subtask_id}"


def _parse_place(text: str | None) -> tuple[datetime, UUID] | None:
    """Return the place of the last one of a page. Raise Problem."""
    if text is None:
        return None
    moment, _, subtask_id = text.partition("~")
    try:
        return datetime.fromisoformat(moment), UUID(subtask_id)
    except ValueError as error:
        raise Problem(
            400, "invalid_request", "before: must be `next` of the previous page"
        ) from error
