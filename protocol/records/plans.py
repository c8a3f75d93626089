"""Plans and routes, which the CIO writes when it completes a PLAN or a ROUTE."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from protocol.records.base import Argument


class PlannedSubtask(Argument):
    """A subtask with its stamp. `lane` and `params.model_id` name the model."""

    key: str
    type: str
    lane: str
    params: dict[str, Any]
    metadata: dict[str, Any] = Field(default_factory=dict)
    dependencies: list[str] = Field(default_factory=list)
    priority: int | None = None
    max_failures: int | None = None
    sink: bool | None = None
    run_at: datetime | None = None
    needs_approval: bool = False
    on_failure: Literal["fail_task", "continue"] = "fail_task"
    """With `continue`, its dependants continue without it if it becomes a dead letter."""


class SelectionRecord(Argument):
    """The selection of a model, as it is stored and announced."""

    key: str | None = None
    """Key of its subtask in the plan."""
    task_id: str | None = None
    """Only for selections outside a plan, like the next three fields."""
    subtask_id: str | None = None
    request_id: UUID | None = None
    """Id of the request: only the first answer to it is stored and announced."""
    unnamed_request: bool = False
    """Whether `request_id` was derived from the message's content, so that it may recur."""
    agent_id: str | None = None
    requested_model: str | None = None
    selected_model: str | None = None
    provider: str | None = None
    policy: str | None = None
    requirements: dict[str, Any] = Field(default_factory=dict)
    candidates: list[dict[str, Any]] = Field(default_factory=list)
    available_models: list[str] = Field(default_factory=list)
    model_capabilities: dict[str, list[str]] = Field(default_factory=dict)
    reason: str


class Plan(Argument):
    """The subtasks of a task, written in the transaction that completes its PLAN."""

    subtasks: list[PlannedSubtask]
    selections: list[SelectionRecord]


class Route(Argument):
    """Another model for a subtask that an executor gave back."""

    lane: str
    params: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
    selection: SelectionRecord
