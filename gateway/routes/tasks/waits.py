"""What tasks wait for: answers of people, and events."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gateway.dependencies import ServicesDep, TasksRead, TasksWrite
from gateway.strict_json import StrictRoute
from gateway.tasks.approvals import answer_approval_for, load_visible_approval
from gateway.tasks.shown import Prompts, load_prompts
from gateway.tasks.task_run import load_changeable_task
from protocol.records import ApprovalRow, SentEvent
from protocol.records.base import may_have_more

router = APIRouter(tags=["tasks"], route_class=StrictRoute)


class ApprovalPageRequest(BaseModel):
    """Filters and the size of a page of approvals."""

    task_id: UUID | None = None
    answered: bool = Field(False, description="Include those that were answered or withdrawn.")
    answerable: bool = Field(False, description="Leave out those that somebody else has to answer.")
    limit: int = Field(50, ge=1, le=200)
    before: int | None = Field(None, ge=1, le=2**53, description="`next` of the previous page.")


class ApprovalPage(BaseModel):
    """A page of approvals, newest first."""

    approvals: list[ApprovalRow]
    prompts: Prompts
    next: int | None = Field(description="`before` of the next page; null if there is none.")


class ApprovalAnswer(BaseModel):
    """The answer of a person."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"approved": True}]})

    approved: bool
    comment: str | None = Field(None, max_length=10_000)
    via: Literal["http", "console"] = Field("http", description="Recorded as `answered_via`.")


class EventRequest(BaseModel):
    """An event for a task."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "deployed", "payload": {"version": "1.4"}}]},
    )

    name: str = Field(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")
    payload: JsonValue = None


@router.get("/approvals", summary="List what waits for a person")
async def list_approvals(
    services: ServicesDep, principal: TasksRead, page: Annotated[ApprovalPageRequest, Query()]
) -> ApprovalPage:
    """List the questions that you may see, newest first: those of your tasks and those to you.

    With the scope `admin` those of all owners.
    """
    found = await services.store.find_approvals(
        limit=page.limit,
        visible=principal.editable if page.answerable else principal.visibility,
        task_id=page.task_id,
        only_open=not page.answered,
        only_answerable=page.answerable,
        before=page.before,
    )
    return ApprovalPage(
        approvals=found,
        prompts=await load_prompts(services, principal, (each.task_id for each in found)),
        next=found[-1].seq if may_have_more(found, page.limit) else None,
    )


@router.get("/approvals/{approval_id}", summary="Show a question")
async def show_approval(
    approval_id: UUID, services: ServicesDep, principal: TasksRead
) -> ApprovalRow:
    """Return a question that you may see, also after its answer."""
    return await load_visible_approval(services.store, principal, approval_id)


@router.post("/approvals/{approval_id}", summary="Answer a question")
async def answer_approval(
    approval_id: UUID, services: ServicesDep, principal: TasksWrite, body: ApprovalAnswer
) -> ApprovalRow:
    """Approve or refuse. The first answer counts; it may be repeated, another one is a conflict.

    A refusal does not fail a workflow, which decides what follows.
    """
    return await answer_approval_for(
        services.store,
        principal,
        approval_id,
        approved=body.approved,
        comment=body.comment,
        via=body.via,
    )


@router.post("/tasks/{task_id}/events", summary="Send an event to a task")
async def send_event(
    task_id: UUID,
    services: ServicesDep,
    principal: TasksWrite,
    body: EventRequest,
    idempotency_key: Annotated[
        str | None,
        Header(max_length=255, description="The same key of the same task sends it only once."),
    ] = None,
) -> SentEvent:
    """Send an event. The oldest step that waits for its name takes it; an early one is kept."""
    await load_changeable_task(services, principal, task_id)
    return await services.store.send_event(
        task_id=task_id,
        name=body.name,
        payload=body.payload,
        idempotency_key=idempotency_key,
        person=principal.owner,
    )
