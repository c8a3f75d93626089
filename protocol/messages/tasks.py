"""Payloads about tasks, about what they ask of persons, and about AI columns."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from protocol.messages.envelope import Payload


class TaskCreated(Payload):
    """A task was inserted."""

    task_id: UUID
    type: str
    priority: int
    run_at: datetime | None = None
    parent_task_id: UUID | None = None
    """The task whose workflow inserted it."""


class TaskCancelled(Payload):
    """A task was cancelled."""

    task_id: UUID
    reason: str | None = None


class ChildEnded(Payload):
    """A child task ended. The next claim of an orchestrator continues its parent."""

    task_id: UUID
    """The parent."""
    child_task_id: UUID
    status: Literal["completed", "failed", "cancelled", "deleted"]


class ApprovalRequested(Payload):
    """A subtask waits for the answer of a person, which `cogo_answer_approval` takes."""

    approval_id: UUID
    task_id: UUID
    subtask_id: UUID
    key: str
    question: str | None = None
    show: Any = None
    """What the person should see before the answer."""
    by: str | None = None
    """Who may answer: None: the owner of the task; the uuid of a person; or `operators`."""


class ApprovalAnswered(ApprovalRequested):
    """A person has answered."""

    approved: bool
    comment: str | None = None
    answered_by: UUID | None = None
    """The person; None: an operator."""


class ColumnPaused(Payload):
    """An AI column asks for nothing until it is resumed, or until then."""

    column_id: UUID
    table: str
    """With its schema."""
    column: str
    reason: str
    until: datetime | None = None
    """When it goes on by itself; None: when an operator resumes it."""


class TaskResult(Payload):
    """A task ended."""

    task_id: UUID
    status: Literal["completed", "failed", "cancelled"]
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    cost_usd: float | None = None
    tokens: dict[str, int] = Field(default_factory=dict)
    execution_time: int | None = None
