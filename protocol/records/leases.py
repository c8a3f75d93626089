"""Leases: claims, extensions and releases."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, JsonValue

from protocol.records.base import Argument, Row
from protocol.records.flows import FlowRecord, StepKind
from protocol.records.spending import Grants


class LeaseRef(Argument):
    """A lease: a subtask, and the attempt that is the fencing token."""

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
    """The text so far, for watchers who join late."""

    content: str
    reasoning: str = ""
    turn: int | None = None
    """The number of the model's answer, if it calls tools; the text of earlier ones is stored."""


class Extension(Argument):
    """A request to extend a lease, with the text so far if it has changed."""

    subtask_id: UUID
    attempt: int
    checkpoint: Checkpoint | None = None


class SessionState(Row):
    """A session at the time of a claim: copies of it that are older are not used."""

    seq: int
    """The number of its row, which no other session ever has."""
    last_message: int | None = None
    revision: int = 0


class TaskBrief(Row):
    """The task of a claimed subtask. `params` and `preferences` may be any JSON."""

    id: UUID
    type: str
    prompt: str
    params: JsonValue = None
    owner: UUID | None = None
    session_id: UUID | None = None
    session: SessionState | None = None
    """None: without a session, or from a database that does not say."""
    model: str | None = None
    preferences: JsonValue = None
    budget_usd: Decimal | None = None
    deadline: datetime | None = None
    seconds_left: float | None = None
    """Time from the claim to the deadline, by the database's clock."""
    stream: bool = True
    cost_usd: Decimal | None = None
    priority: int = 5
    grants: Grants | None = None
    """The grants of its owner; None: everything is allowed."""

    @property
    def is_budget_asked_for(self) -> bool:
        """True if a step whose budget is spent waits for more, in place of failing."""
        return isinstance(self.params, dict) and self.params.get("on_budget") == "ask"


class EarlierAttempt(Row):
    """The end of an earlier attempt at the same subtask."""

    attempt: int
    model_id: str | None = None
    provider: str | None = None
    outcome: str | None = None
    error: dict[str, Any] | None = None


class ClaimedSubtask(LeasedRow):
    """A subtask under a new lease, with everything needed to do it."""

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
    """Outputs of its dependencies, by key."""
    failed_inputs: dict[str, Any] = Field(default_factory=dict)
    """Errors of dead-lettered dependencies despite which it continues, by key."""
    history: list[EarlierAttempt] = Field(default_factory=list)
    kind: StepKind = "ask"
    flow: FlowRecord | None = None
    """Only of a flow: what is known of its steps."""
    turns: int = 0
    """Number of stored turns, with which it goes on; `QueueStore.fetch_turns` reads them."""
    tools_granted: list[str] | None = None
    """Of a flow or a step with tools: those granted to the owner, `SOURCE/*` for all of a source.

    None: all."""


class UnreadableSubtask(LeasedRow):
    """A subtask under a new lease that cannot be done because one of its values is unreadable."""

    field: str
    """The column and the path within it, such as `budget_usd`."""
    problem: str


Claim = ClaimedSubtask | UnreadableSubtask


class ClaimRequest(Argument):
    """A request for work; the same `request_id` returns the same leases."""

    lanes: list[str]
    limit: int
    lease: timedelta
    request_id: UUID
    lane_limits: dict[str, int] = Field(default_factory=dict)
    """Limits how many are of one lane."""


class LeaseAnswer(LeasedRow):
    """The result of one extension."""

    answer: Literal["ok", "cancel", "lost"]
    lease_expires_at: datetime | None = None


class ReleaseAnswer(LeasedRow):
    """The result of one release."""

    answer: Literal["ok", "stale", "unknown"]
