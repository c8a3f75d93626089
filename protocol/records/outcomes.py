"""How attempts end: completions, failures, and the database's answers to them."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from protocol.records.base import Argument
from protocol.records.leases import LeasedRow, LeaseRef
from protocol.records.plans import Plan, PlannedSubtask, Route, SelectionRecord


class Usage(Argument):
    """What one attempt used. None is unknown, which is not 0."""

    model_id: str
    provider: str
    input_tokens: int | None = None
    """Prompt tokens that came from no cache."""
    cached_tokens: int | None = None
    output_tokens: int | None = None
    """Everything generated, thinking included."""
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    first_token_ms: int | None = None
    duration_ms: int
    finish_reason: str | None = None
    simulated: bool = False
    """Whether the vendor simulator was asked; it costs 0, and nothing is learned from it."""
    derived: dict[str, Any] = Field(default_factory=dict)
    """What we worked out ourselves, such as the source of the price."""


class SessionMessage(Argument):
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    content: str


class Completion(Argument):
    """The work is done: a plan, a route, or an output."""

    ref: LeaseRef
    output: dict[str, Any]
    usage: Usage | None = None
    plan: Plan | None = None
    route: Route | None = None
    messages: list[SessionMessage] = Field(default_factory=list)
    subtasks: list[PlannedSubtask] | None = None
    """What the work turned out to need; whatever waits for this subtask waits for these as well."""
    selections: list[SelectionRecord] | None = None
    """For those subtasks."""


class CompletionAnswer(LeasedRow):
    """What became of one completion."""

    answer: Literal["ok", "duplicate", "stale", "closed", "unknown", "invalid"]
    detail: str | None = None


class ErrorInfo(Argument):
    """Why something failed, for the person whose task it was."""

    class_: str = Field(alias="class")
    message: str
    field: str | None = None
    allowed: list[str] | None = None
    status: int | None = None
    vendor: str | None = None
    hint: str | None = None
    retry_at: datetime | None = None
    """When the vendor may be asked again, where that is long from now."""


class FailureAction(StrEnum):
    """Who may try again."""

    RETRY = "retry"
    """The same model, later."""
    REROUTE = "reroute"
    """Another model: back to the CIO."""
    GIVE_UP = "give_up"
    SNOOZE = "snooze"
    """The same, later, without spending a failure."""


class Failure(Argument):
    """The work could not be done."""

    ref: LeaseRef
    error: ErrorInfo
    action: FailureAction
    retry_after: timedelta | None = None
    usage: Usage | None = None


class FailureAnswer(LeasedRow):
    """What became of a failure."""

    answer: Literal["ok", "duplicate", "stale", "closed", "unknown"]
    status: str | None = None
    run_at: datetime | None = None
    after_ms: int | None = None
    """How long until then, by the database's clock."""
