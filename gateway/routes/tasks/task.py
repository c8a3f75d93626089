"""One task: submit, show, cancel, rate."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Response, status
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from gateway.dependencies import ServicesDep, TasksRead, TasksWrite
from gateway.problems import Problem
from gateway.strict_json import StrictRoute
from gateway.tasks.shown import cut_data_urls
from gateway.tasks.task_run import load_changeable_task, load_visible_task, submit_task_for
from protocol.errors import InvalidArgument
from protocol.json_values import JsonObject
from protocol.lifecycle import SubtaskState
from protocol.records import (
    ApprovalRow,
    Attempt,
    NewTask,
    SelectionRow,
    Subtask,
    Task,
)
from protocol.records.models import Rating
from protocol.records.spending import NOBODY
from protocol.records.tasks import TaskChanges

router = APIRouter(prefix="/tasks", tags=["tasks"], route_class=StrictRoute)

MAX_FORKS: Final = 20
MAX_APPROVALS: Final = 100
"""Open questions of one task in its details; a workflow cannot wait for more at once."""
EXAMPLE: JsonDict = {
    "prompt": "Write a Python function is_palindrome(text)",
    "params": {"language": "python"},
}
IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=255,
        description="The same key of the same owner returns the same task; 422 if it is used for "
        "another request.",
    ),
]


class TaskRequest(BaseModel):
    """A task. Only `prompt` is required; the orchestrator validates the rest."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    prompt: str = Field(min_length=1)
    type: str = Field("GENERATE_CODE", max_length=255)
    params: JsonObject = Field(default_factory=dict)
    priority: int = Field(5, ge=0, le=9, description="0 is first, 9 is last, among your own.")
    model: str | None = Field(
        None, max_length=255, description="Absent or `auto`: the CIO chooses."
    )
    preferences: JsonObject = Field(default_factory=dict)
    session_id: UUID | None = Field(None, description="A conversation that tasks share.")
    budget_usd: Decimal | None = Field(None, ge=0, le=1_000_000)
    deadline: datetime | None = None
    run_at: datetime | None = None
    stream: bool = True
    project: str | None = Field(
        None,
        max_length=100,
        description="Caps, usage and who sees the task can go by it; or the header "
        "`X-Cogo-Project`, as on every route that makes tasks.",
    )
    tags: list[Annotated[str, Field(max_length=50)]] = Field(
        default_factory=list,
        max_length=20,
        description="Words to find it by; or the header `X-Cogo-Tags`, separated by commas.",
    )


class TaskDetails(BaseModel):
    """A task with its subtasks, attempts and model selections, and the tasks around it."""

    task: Task
    subtasks: list[Subtask] = Field(
        description="Its steps. Files in their params are cut: those of the task are whole."
    )
    attempts: list[Attempt]
    selections: list[SelectionRow]
    approvals: list[ApprovalRow] = Field(description="Its questions that wait for an answer.")
    children: list[Task] = Field(description="Its child tasks, shortened as in lists.")
    next_run: Task | None = Field(description="The run after this one, if it repeats itself.")
    forks: list[Task] = Field(
        description="The newest tasks that ask this one again with changes, shortened as in lists."
    )


class ForkRequest(BaseModel):
    """What a task has instead of its original; what is absent stays as it was."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"from_step": "ruling", "model": "auto"}]}
    )

    from_step: str | None = Field(
        None,
        max_length=500,
        description="The key of a step of an ended task. The results of the steps that do not "
        "depend on it are reused, and `prompt` and `model` are those of the step.",
    )
    prompt: str | None = Field(None, min_length=1)
    type: str | None = Field(None, max_length=255)
    params: JsonObject | None = None
    priority: int | None = Field(None, ge=0, le=9)
    model: str | None = Field(None, max_length=255)
    preferences: JsonObject | None = None
    budget_usd: Decimal | None = Field(None, ge=0, le=1_000_000)
    stream: bool | None = None
    project: str | None = Field(None, max_length=100)
    tags: list[Annotated[str, Field(max_length=50)]] | None = Field(None, max_length=20)

    def list_changes(self) -> TaskChanges:
        """Return what was stated. A null empties what may be empty, and changes nothing else."""
        stated = self.model_dump(exclude_unset=True, exclude={"from_step"})
        may_be_empty = {"params", "model", "preferences", "budget_usd", "project"}
        return TaskChanges(
            **{
                name: value
                for name, value in stated.items()
                if value is not None or name in may_be_empty
            }
        )


class Cancellation(BaseModel):
    """The reason for a cancellation."""

    reason: str | None = Field(None, max_length=1_000, examples=["asked twice"])


class Feedback(BaseModel):
    """A rating of an answer."""

    score: float = Field(ge=0, le=1, description="From 0, bad, to 1, good.", examples=[1])
    comment: str | None = Field(None, max_length=10_000)


@router.post("", status_code=status.HTTP_201_CREATED, summary="Submit a task")
async def submit(
    body: TaskRequest,
    services: ServicesDep,
    principal: TasksWrite,
    answer: Response,
    idempotency_key: IdempotencyKey = None,
) -> Task:
    """Submit a task. A mistake in `type`, `params` or `model` ends the task as `failed`.

    Values that are too large (413) or cannot be stored (422) are refused.
    """
    new = NewTask(**body.model_dump(), idempotency_key=idempotency_key)
    with _refuse_reuse(idempotency_key):
        task = await submit_task_for(services, principal, new)
    answer.headers["Location"] = f"/tasks/{task.id}"
    return task


@router.get("/{task_id}", summary="Show a task")
async def show(task_id: UUID, services: ServicesDep, principal: TasksRead) -> TaskDetails:
    """Return a task with its subtasks, attempts, model selections, questions and child tasks."""
    store = services.store
    task = await load_visible_task(services, principal, task_id)
    subtasks = await store.fetch_subtasks(task_id=task_id)
    is_asking = any(each.status in {SubtaskState.WAITING, SubtaskState.HELD} for each in subtasks)
    is_parent = any(each.kind == "task" for each in subtasks)
    is_repeated = "next_task_id" in (task.result or {})
    next_run = await store.find_next_run(task_id=task_id) if is_repeated else None
    children = await store.fetch_children(task_id=task_id) if is_parent else []
    forks = await store.find_forks(task_id=task_id, limit=MAX_FORKS)
    return TaskDetails(
        task=task,
        subtasks=[
            each.model_copy(update={"params": cut_data_urls(each.params)}) for each in subtasks
        ],
        attempts=await store.fetch_attempts(task_id=task_id),
        selections=await store.fetch_selections(task_id=task_id),
        approvals=await store.find_approvals(
            limit=MAX_APPROVALS,
            visible=principal.visibility,
            task_id=task_id,
        )
        if is_asking
        else [],
        # They may have been moved to a project that the caller does not see.
        children=[each for each in children if principal.sees(each)],
        next_run=next_run if next_run is not None and principal.sees(next_run) else None,
        forks=[each for each in forks if principal.sees(each)],
    )


@router.post("/{task_id}/fork", status_code=status.HTTP_201_CREATED, summary="Ask a task again")
async def fork(
    task_id: UUID,
    body: ForkRequest,
    services: ServicesDep,
    principal: TasksWrite,
    *,
    answer: Response,
    idempotency_key: IdempotencyKey = None,
) -> Task:
    """Submit a task again with changes, as a whole or from one of its steps on.

    It belongs to you; with a key of the scope `admin` that has no owner, to the owner of the
    original. The cost of what is reused is not counted again. If a reused step would ask for
    something else with the changes, the task fails with `fork_mismatch`.
    """
    await load_changeable_task(services, principal, task_id)
    changes = body.list_changes()
    if principal.project is not None:
        changes = changes.model_copy(update={"project": principal.project})
    with _refuse_reuse(idempotency_key):
        task = await services.store.fork_task(
            task_id=task_id,
            from_step=body.from_step,
            changes=changes,
            owner=principal.owner or (None if principal.is_admin else NOBODY),
            idempotency_key=idempotency_key,
        )
    answer.headers["Location"] = f"/tasks/{task.id}"
    return task


@router.post("/{task_id}/cancel", summary="Cancel a task")
async def cancel(
    task_id: UUID, services: ServicesDep, principal: TasksWrite, body: Cancellation | None = None
) -> Task:
    """Cancel a task; its running subtasks are asked to stop."""
    await load_changeable_task(services, principal, task_id)
    return await services.store.cancel_task(task_id=task_id, reason=body.reason if body else None)


@router.post("/{task_id}/feedback", summary="Rate an answer")
async def rate(
    task_id: UUID, services: ServicesDep, principal: TasksWrite, body: Feedback
) -> Rating:
    """Rate the answer; a later rating replaces it. Selection learns from ratings."""
    await load_changeable_task(services, principal, task_id)
    return await services.store.feedback(
        task_id=task_id, score=body.score, comment=body.comment, person=principal.owner
    )


@router.post("/{task_id}/{action}", summary="Hold, resume or redrive a task")
async def act(
    task_id: UUID,
    action: Literal["pause", "resume", "redrive"],
    services: ServicesDep,
    principal: TasksWrite,
) -> Task:
    """Hold an open task, resume a held one, or redrive a failed one."""
    await load_changeable_task(services, principal, task_id)
    match action:
        case "pause":
            return await services.store.pause_task(task_id=task_id)
        case "resume":
            return await services.store.resume_task(task_id=task_id)
        case "redrive":
            return await services.store.redrive_task(task_id=task_id)


@contextmanager
def _refuse_reuse(key: str | None) -> Iterator[None]:
    """Raise Problem (422) if the block says that the idempotency key was used before.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
    """
    try:
        yield
    except InvalidArgument as error:
        if key is None:
            raise
        raise Problem(422, error.code, error.message, hint=error.hint) from error
