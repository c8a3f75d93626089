"""Pauses and limits of lanes and owners; dead letters."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.dependencies import AdminOnly, ServicesDep
from gateway.problems import Problem
from gateway.routes.operate.values import Because, LanePath, OwnerPath, Reason
from gateway.strict_json import StrictRoute
from gateway.tasks.shown import Prompts, load_prompts
from protocol.records import DeadLetter, Limits
from protocol.store.operator import stating

router = APIRouter(tags=["operate"], route_class=StrictRoute)

_MOST: Final = 2**31 - 1
_REMOVED: Final = -1
"""The value with which the database removes a limit."""


class LimitRequest(BaseModel):
    """Limits over all agents together. What is absent stays as it is; null removes a limit."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"max_running": 8, "per_minute": None}]},
    )

    max_running: int | None = Field(None, ge=0, le=_MOST, description="Running at once.")
    per_minute: int | None = Field(None, ge=1, le=_MOST, description="Started per minute.")
    reason: Reason = None

    def read_changes(self) -> tuple[int | None, int | None]:
        """Return `max_running` and `per_minute` as the store takes them.

        Raise Problem if nothing changes.
        """
        given = self.model_dump(include={"max_running", "per_minute"}, exclude_unset=True)
        if not given:
            raise Problem(
                400,
                "invalid_request",
                "nothing to change: send max_running, per_minute or both",
                hint="null removes a limit",
            )
        set_to = {name: _REMOVED if value is None else value for name, value in given.items()}
        return set_to.get("max_running"), set_to.get("per_minute")


class DeadLettersRequest(BaseModel):
    """The size of a page."""

    limit: int = Field(50, ge=1, le=200)
    before: str | None = Field(
        None,
        max_length=100,
        pattern=r"^[0-9T:.+Z-]+~[0-9a-f-]{36}$",
        description="`next` of the previous page.",
    )


class DeadLetters(BaseModel):
    """A page of subtasks that failed for good, newest first."""

    dead_letters: list[DeadLetter]
    prompts: Prompts
    next: str | None = Field(description="`before` of the next page; null if there is none.")


@router.post("/lanes/{lane:path}/{action}", summary="Pause or resume a lane")
async def switch_lane(
    lane: LanePath,
    action: Literal["pause", "resume"],
    services: ServicesDep,
    _principal: AdminOnly,
    body: Because | None = None,
) -> Limits:
    """Pause a lane: what runs in it ends, and nothing else starts. Or resume it."""
    with stating(body.reason if body else None):
        return await services.store.set_lane(lane=lane, paused=action == "pause")


@router.put("/lanes/{lane:path}/limit", summary="Limit a lane")
async def limit_lane(
    lane: LanePath, services: ServicesDep, _principal: AdminOnly, body: LimitRequest
) -> Limits:
    """Limit how much of a lane runs at once or starts per minute."""
    running, rate = body.read_changes()
    with stating(body.reason):
        return await services.store.set_lane(lane=lane, max_running=running, per_minute=rate)


@router.post("/owners/{owner}/{action}", summary="Pause or resume an owner")
async def switch_owner(
    owner: OwnerPath,
    action: Literal["pause", "resume"],
    services: ServicesDep,
    _principal: AdminOnly,
    body: Because | None = None,
) -> Limits:
    """Pause the tasks of an owner: what runs ends, and nothing else starts. Or resume them."""
    with stating(body.reason if body else None):
        return await services.store.set_owner(owner=owner, paused=action == "pause")


@router.put("/owners/{owner}/limit", summary="Limit an owner")
async def limit_owner(
    owner: OwnerPath, services: ServicesDep, _principal: AdminOnly, body: LimitRequest
) -> Limits:
    """Limit how much of an owner runs at once or starts per minute, in all lanes together."""
    running, rate = body.read_changes()
    with stating(body.reason):
        return await services.store.set_owner(owner=owner, max_running=running, per_minute=rate)


@router.get("/dead-letters", summary="List dead letters")
async def list_dead_letters(
    services: ServicesDep, principal: AdminOnly, page: Annotated[DeadLettersRequest, Query()]
) -> DeadLetters:
    """List subtasks that failed for good, newest first: why, and every attempt.

    `POST /tasks/{task_id}/redrive` tries those of a task again.
    """
    found = await services.store.find_dead_letters(
        limit=page.limit, after=None if page.before is None else _parse_place(page.before)
    )
    last = found[-1] if len(found) == page.limit else None
    place = None if last is None else f"{last.dead_at.isoformat()}~{last.subtask_id}"
    prompts = await load_prompts(services, principal, (each.task_id for each in found))
    return DeadLetters(dead_letters=found, prompts=prompts, next=place)


def _parse_place(text: str) -> tuple[datetime, UUID]:
    """Return the place of the last one of a page. Raise Problem."""
    moment, _, subtask_id = text.partition("~")
    try:
        return datetime.fromisoformat(moment), UUID(subtask_id)
    except ValueError as error:
        raise Problem(
            400, "invalid_request", "before: must be `next` of the previous page"
        ) from error
