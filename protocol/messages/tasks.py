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
    kind: Literal["step", "tool", "budget"] = "step"
    """What asks: a step, a call of a tool, or a budget that is spent."""
    cost_usd: float | None = None
    """What an approval may cost; None if unknown."""
    expires_at: datetime | None = None
    """When it is answered without a person, as `on_expiry` says; None: never."""
    on_expiry: Literal["refuse", "approve"] = "refuse"
    escalate_to: str | None = None
    """Who is asked too if nobody answers: the uuid of a person, or `operators`."""
    escalated_at: datetime | None = None
    """When they were asked too; the message is sent again then."""


class ApprovalAnswered(ApprovalRequested):
    """A person has answered, or the time for an answer has passed."""

    approved: bool
    comment: str | None = None
    answered_by: UUID | None = None
    """The person; None: an operator."""
    answered_who: str | None = None
    """Who answered: `key:ID`, `user:ID`, `cli:USER@HOST`; None: nobody."""
    answered_via: str | None = None
    """How, such as `http` or `link`; `expiry`: nobody had answered in time."""


class ApprovalWithdrawn(ApprovalRequested):
    """Nobody needs the answer any more."""

    reason: str | None = None
    """None: the subtask has ended."""


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
