"""Leases: what a claim gives, and what keeps it."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, JsonValue

from protocol.records.base import Argument, Row
from protocol.records.spending import Grants


class LeaseRef(Argument):
    """A lease: the subtask, and the attempt that is its fencing token."""

    subtask_id: UUID
    attempt: int


class LeasedRow(Row):
    """A row that names a lease."""

    subtask_id: UUID
    attempt: int

    @property
    def ref(self) -> LeaseRef:
        """The lease."""
        return LeaseRef(subtask_id=self.subtask_id, attempt=self.attempt)


class Checkpoint(Argument):
    """The text so far, for whoever watches late."""

    content: str
    reasoning: str = ""


class Extension(Argument):
    """A wish for more time, with the text so far where it has changed."""

    subtask_id: UUID
    attempt: int
    checkpoint: Checkpoint | None = None


class TaskBrief(Row):
    """What a claim tells of the task. `params` and `preferences` may hold any JSON."""

    id: UUID
    type: str
    prompt: str
    params: JsonValue = None
    owner: UUID | None = None
    session_id: UUID | None = None
    model: str | None = None
    preferences: JsonValue = None
    budget_usd: Decimal | None = None
    deadline: datetime | None = None
    seconds_left: float | None = None
    """Until the deadline when it was claimed, by the database's clock."""
    stream: bool = True
    cost_usd: Decimal | None = None
    priority: int = 5
    grants: Grants | None = None
    """What operators let its owner use; None: everything."""


class EarlierAttempt(Row):
    """How an earlier attempt at the same subtask ended."""

    attempt: int
    model_id: str | None = None
    provider: str | None = None
    outcome: str | None = None
    error: dict[str, Any] | None = None


class ClaimedSubtask(LeasedRow):
    """A subtask under a fresh lease, with everything that its work needs."""

    task_id: UUID
    key: str
    type: str
    lane: str
    failures: int = 0
    reaps: int = 0
    priority: int = 5
    lease_expires_at: datetime
    params: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
    task: TaskBrief
    inputs: dict[str, Any] = Field(default_factory=dict)
    """Outputs of the subtasks that this one depends on, by their keys."""
    failed_inputs: dict[str, Any] = Field(default_factory=dict)
    """Errors of the dead letters that this one goes on without, by their keys."""
    history: list[EarlierAttempt] = Field(default_factory=list)


class UnreadableSubtask(LeasedRow):
    """A subtask under a fresh lease that nobody can work on: one of its values cannot be read."""

    field: str
    """The column, and the path inside it, such as `budget_usd`."""
    problem: str


Claim = ClaimedSubtask | UnreadableSubtask


class LeaseAnswer(LeasedRow):
    """What became of one extension."""

    answer: Literal["ok", "cancel", "lost"]
    lease_expires_at: datetime | None = None


class ReleaseAnswer(LeasedRow):
    """What became of one release."""

    answer: Literal["ok", "stale", "unknown"]
