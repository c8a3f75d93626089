"""Turns: the transcript of a subtask in which a model calls tools; the messages of sessions."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, JsonValue, model_validator

from protocol.messages import ToolStatus
from protocol.records.base import Argument, ListedRow, Row
from protocol.records.leases import LeasedRow, LeaseRef


class NewTurn(Argument):
    """A turn to store."""

    seq: int
    """Its place in the transcript, from 1, without gaps."""
    kind: Literal["answer", "begun", "result"]
    body: dict[str, JsonValue]


class TurnBatch(Argument):
    """Turns of one attempt, in order. They are stored together or not at all."""

    ref: LeaseRef
    turns: list[NewTurn]


class TurnAnswer(LeasedRow):
    """The result of storing a batch."""

    answer: Literal["ok", "stale", "cancel", "invalid"]
    detail: str | None = None


class StoredTurn(Row):
    """A stored turn. Its body is what an agent, perhaps of another release, has made of it."""

    seq: int
    kind: str
    """`answer`, `begun`, `result`, or `approval`, which the database adds."""
    attempt: int
    body: dict[str, Any]


class TaskTurn(StoredTurn):
    """A stored turn, with the task and the subtask to which it belongs."""

    task_id: UUID
    subtask_id: UUID


class TurnLine(ListedRow):
    """What watchers see of a stored turn: a row of `cogo_turns` without files and reasoning."""

    subtask_id: UUID
    seq: int
    kind: str
    attempt: int
    text: str | None = None
    """Of an answer."""
    calls: JsonValue = None
    """Of an answer: what `chat_json.write_message` makes of its calls."""
    call_id: str | None = None
    tool: str | None = None
    status: ToolStatus | None = None
    content: JsonValue = None
    """What the tool gave."""
    created_at: datetime | None = None
    """When it was stored."""
    seconds: float | None = None
    rejected: str | None = None
    """Why the call was not run as the model wrote it."""
    approved: bool | None = None
    """The answer of a person to the question about a call."""
    comment: str | None = None


Seconds = Annotated[float, Field(strict=True, ge=1, le=315_360_000, allow_inf_nan=False)]
"""At most ten years, as in the database."""


class Escalation(Argument):
    """Who is asked too if nobody has answered, and when."""

    after: Seconds
    to: UUID | Literal["operators"]


class ApprovalOptions(Argument):
    """What follows if nobody answers a question, and what an approval may cost."""

    cost_usd: Annotated[float, Field(strict=True, ge=0, le=1e9, allow_inf_nan=False)] | None = None
    expires_in: Seconds | None = None
    on_expiry: Literal["refuse", "approve"] | None = None
    """None: refuse."""
    escalate: Escalation | None = None

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        if self.on_expiry is not None and self.expires_in is None:
            raise ValueError("on_expiry needs expires_in")
        if self.escalate and self.expires_in and self.escalate.after >= self.expires_in:
            raise ValueError("escalate.after must be less than expires_in")
        return self


class ToolQuestion(ApprovalOptions):
    """A question to a person about a tool call."""

    call_id: str
    question: str
    show: JsonValue = None
    """What the person should see before the answer."""
    by: UUID | Literal["operators"] | None = None
    """Who may answer: None: the owner; a person; operators, who always may."""


class ToolWait(Argument):
    """The end of an attempt that goes on when persons have answered: one of the two."""

    approvals: list[ToolQuestion] = Field(default_factory=list)
    budget: dict[str, JsonValue] | None = None
    """The cap that has refused a call, as the database has named it."""


class StoredSessionMessage(ListedRow):
    """A message of a session."""

    seq: int
    role: str
    content: str
    exchange: JsonValue = None
    """Of an answer: the calls of tools that led to it, with their results."""
    task_id: UUID | None = None
    """None too if the task was deleted."""
    created_at: datetime | None = None


class SessionSummary(Row):
    """What is told of the older messages of a session."""

    through: int
    """The `seq` of the newest message that it covers."""
    content: str
    model_id: str | None = None
    simulated: bool = False
    created_at: datetime | None = None


class SessionPage(Row):
    """A page of the messages of a session, newest first."""

    seq: int
    """The number of the session's row."""
    last_message: int | None = None
    revision: int = 0
    summary: SessionSummary | None = None
    messages: list[StoredSessionMessage] = Field(default_factory=list)
    is_more: bool = False
    """Whether there are older ones."""


class SessionRow(ListedRow):
    """A row of `cogo_sessions`."""

    seq: int
    id: UUID
    owner: UUID | None = None
    title: str | None = None
    created_at: datetime
    messages: int = 0
    last_message_at: datetime | None = None
    forked_from: UUID | None = None


class ForgottenSessions(Row):
    """The number of sessions that were deleted, or would be, and of their messages."""

    sessions: int
    messages: int
