"""The stop of all spending, and the log of what operators did."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.dependencies import AdminOnly, ServicesDep, TasksRead
from gateway.routes.operate.values import Because
from gateway.strict_json import StrictRoute
from protocol.records import ActionRow, StoppedSpending
from protocol.records.base import may_have_more

router = APIRouter(tags=["operate"], route_class=StrictRoute)


class ShownStop(BaseModel):
    """Since when spending is stopped."""

    since: datetime
    who: str | None = Field(description="Who stopped it; only for operators.")
    reason: str | None


class Spending(BaseModel):
    """Whether calls to models may begin."""

    stopped: ShownStop | None = Field(description="null: it is not stopped.")


class StopRequest(Because):
    """Why, and what becomes of the calls that are under way."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "a loop", "cancel_running": True}]}
    )

    cancel_running: bool = Field(
        False, description="Abort the calls under way, too; what they have cost is booked."
    )


class Resumed(BaseModel):
    """Whether spending was stopped."""

    resumed: bool


class ActionsRequest(BaseModel):
    """Filters and the size of a page."""

    who: str | None = Field(None, max_length=200)
    kind: str | None = Field(None, max_length=100, examples=["lane"])
    subject: str | None = Field(None, max_length=1_000)
    since: datetime | None = None
    limit: int = Field(50, ge=1, le=200)
    before: int | None = Field(None, ge=1, le=2**53, description="`next` of the previous page.")


class ActionPage(BaseModel):
    """A page of actions, newest first."""

    actions: list[ActionRow]
    next: int | None = Field(description="`before` of the next page; null if there is none.")


@router.get("/spending", summary="Show whether spending is stopped")
async def show_spending(services: ServicesDep, principal: TasksRead) -> Spending:
    """Return since when spending is stopped and why: tasks wait until it is resumed."""
    found = await services.store.fetch_spending_stop()
    if found is None:
        return Spending(stopped=None)
    who = found.who if principal.is_admin else None
    return Spending(stopped=ShownStop(since=found.since, who=who, reason=found.reason))


@router.post("/spending/stop", summary="Stop all spending")
async def stop_spending(
    services: ServicesDep, _principal: AdminOnly, body: StopRequest | None = None
) -> StoppedSpending:
    """Refuse every new call to a model, at once and everywhere, until spending is resumed.

    Tasks are accepted and wait; nothing fails. Calls under way end, or are aborted with
    `cancel_running`. Repeating it changes nothing.
    """
    asked = body or StopRequest()
    return await services.store.stop_spending(
        reason=asked.reason, cancel_running=asked.cancel_running
    )


@router.post("/spending/resume", summary="Resume spending")
async def resume_spending(
    services: ServicesDep, _principal: AdminOnly, body: Because | None = None
) -> Resumed:
    """Allow calls to models again; what waited for that goes on."""
    reason = body.reason if body else None
    return Resumed(resumed=await services.store.resume_spending(reason=reason))


@router.get("/actions", summary="List what operators did")
async def list_actions(
    services: ServicesDep, _principal: AdminOnly, page: Annotated[ActionsRequest, Query()]
) -> ActionPage:
    """List every change of a control, newest first: who, when, before and after.

    Changes by plain SQL are listed, too, and what operators did to tasks not their own.
    """
    found = await services.store.find_actions(
        limit=page.limit,
        before=page.before,
        who=page.who,
        kind=page.kind,
        subject=page.subject,
        since=page.since,
    )
    return ActionPage(
        actions=found, next=found[-1].id if may_have_more(found, page.limit) else None
    )
