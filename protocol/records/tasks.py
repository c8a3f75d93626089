"""Tasks and subtasks."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import Field, JsonValue

from protocol.json_values import JsonObject
from protocol.lifecycle import SubtaskState, TaskState
from protocol.records.base import Argument, ListedRow


class NewTask(Argument):
    """A task to submit. Only `prompt` is required; the planner validates the rest."""

    id: UUID | None = None
    """Chosen by callers that listen before the task begins, or retry the submission."""
    owner: UUID | None = None
    """Only operators may choose it; for others it is the caller."""
    prompt: str
    type: str = "GENERATE_CODE"
    params: JsonObject = Field(default_factory=dict)
    priority: int = 5
    model: str | None = None
    preferences: JsonObject = Field(default_factory=dict)
    session_id: UUID | None = None
    idempotency_key: str | None = None
    budget_usd: Decimal | None = None
    deadline: datetime | None = None
    run_at: datetime | None = None
    stream: bool = True


class Task(ListedRow):
    """A row of `cogo_tasks`."""

    id: UUID
    seq: int = 0
    """Order of insertion, which lists are paged by."""
    type: str
    prompt: str
    params: JsonValue = None
    priority: int = 5
    owner: UUID | None = None
    session_id: UUID | None = None
    idempotency_key: str | None = None
    model: str | None = None
    preferences: JsonValue = None
    budget_usd: Decimal | None = None
    deadline: datetime | None = None
    run_at: datetime | None = None
    stream: bool = True
    status: TaskState
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    cost_usd: Decimal | None = None
    """None if the cost of any attempt is unknown."""
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    simulated: bool = False
    """Whether the vendor simulator answered in place of a model."""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None


class TaskLine(ListedRow):
    """A task in a list, without params and result."""

    id: UUID
    seq: int
    type: str
    prompt: str
    owner: UUID | None = None
    session_id: UUID | None = None
    model: str | None = None
    priority: int
    status: TaskState
    budget_usd: Decimal | None = None
    cost_usd: Decimal | None = None
    simulated: bool = False
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None


class Subtask(ListedRow):
    """A row of the view `cogo_subtasks`."""

    id: UUID
    task_id: UUID
    key: str
    type: str
    lane: str
    status: SubtaskState
    attempt: int
    failures: int
    reaps: int
    sink: bool
    on_failure: str = "fail_task"
    agent_id: str | None = None
    run_at: datetime | None = None
    lease_expires_at: datetime | None = None
    dead_at: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
    output: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    checkpoint: dict[str, Any] | None = None
    dependencies: list[UUID] = Field(default_factory=list)
    kind: str = "ask"
    """`flow`, or the kind of a step; see `protocol.records.flows.StepKind`."""
    end_no: int | None = None
    """Its place among the ends of the workflow's steps."""
    not_needed: bool = False
    """Whether the workflow cancelled it."""
    decisions: dict[str, JsonValue] | None = None
    """Only of a flow: what its workflow took from the world, by key."""
