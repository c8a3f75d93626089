"""History of tasks: events, attempts, model selections, and figures of models."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import Field, field_validator

from protocol.lifecycle import TaskState
from protocol.records.base import Argument, ListedRow, Row


class Event(ListedRow):
    """A transition of a task or subtask. `seq` has no gaps within a task."""

    task_id: UUID
    seq: int
    at: datetime
    kind: str
    """`task.<status>` or `subtask.<status>`, with the new status."""
    subtask_id: UUID | None = None
    attempt: int | None = None
    agent_id: str | None = None
    detail: dict[str, Any] = Field(default_factory=dict)
    """Of a step: `key`, `type`, `lane` and, where it has them, `kind`, `role`, `run_at`, and `name`
    of the event that it waits for; of a flow that waits also `awaits`, a number of steps."""

    @property
    def ends_task(self) -> bool:
        """True if it ends the task (a redrive may reopen it)."""
        noun, _, status = self.kind.partition(".")
        return noun == "task" and any(each == status for each in TaskState if each.is_final)


class Attempt(ListedRow):
    """A row of `cogo_attempts`."""

    subtask_id: UUID
    attempt: int
    task_id: UUID
    agent_id: str
    lane: str
    model_id: str | None = None
    provider: str | None = None
    claimed_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None
    first_token_ms: int | None = None
    duration_ms: int | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    finish_reason: str | None = None
    error: dict[str, Any] | None = None
    simulated: bool = False
    """Whether the vendor simulator answered in place of the model."""


class AttemptOutput(ListedRow):
    """What an attempt had written whose output was not accepted: it failed, or lost its lease."""

    subtask_id: UUID
    attempt: int
    text: str = ""
    reasoning: str | None = None
    turn: int | None = None
    """The number of the model's answer, if it calls tools: earlier ones are turns."""
    characters: int | None = None
    """Of the whole text, if it was cut."""


class TaskCall(ListedRow):
    """A call to a model of a task, from the audit log. It is there when the call has ended."""

    id: UUID
    subtask_id: UUID | None = None
    attempt: int | None = None
    outcome: str
    model_id: str
    provider: str
    simulated: bool
    started_at: datetime
    ended_at: datetime
    first_token_ms: int | None = None
    duration_ms: int | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    """None: unknown."""
    error_class: str | None = None


class ToolTurn(ListedRow):
    """The beginning or the end of a tool call, of a stored turn."""

    subtask_id: UUID
    seq: int
    kind: str
    """`begun`, which only calls have that must not run twice, or `result`."""
    attempt: int
    call_id: str | None = None
    tool: str | None = None
    status: str | None = None
    seconds: float | None = None
    """Of a result: how long the tool ran."""
    created_at: datetime


class CandidateColumns(Row):
    """The candidates of a choice as they are stored: each name once, with the values of all.

    As objects they would be the largest part of a task's rows, most of it names.
    """

    model_id: list[str] = Field(default_factory=list)
    """The ranking first, then those that are excluded."""
    provider: list[str] = Field(default_factory=list)
    expected: dict[str, list[Any]] = Field(default_factory=dict)
    """Estimates of those in the ranking, by name."""
    notes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """What only some models have: `refused`, `set_aside`, `preferred_by`, more of `expected`."""

    def expand(self) -> list[dict[str, Any]]:
        """Return one object for each candidate. Raises ValueError if columns are incomplete."""
        names = tuple(self.expected)
        estimates = list(zip(*self.expected.values(), strict=True))
        rows: list[dict[str, Any]] = []
        for place, (id_, provider) in enumerate(zip(self.model_id, self.provider, strict=True)):
            notes = self.notes.get(id_, {})
            row: dict[str, Any] = {"model_id": id_, "provider": provider}
            row |= dict.fromkeys(("refused", "set_aside", "rank")) | notes
            if place < len(estimates):
                usual = {"judged_by": {}, "health": "ok"}
                estimate = dict(zip(names, estimates[place], strict=True))
                row |= {"rank": place + 1, "expected": usual | estimate | notes.get("expected", {})}
            rows.append(row)
        return rows


class SelectionRow(ListedRow):
    """A row of `cogo_model_selections`."""

    id: UUID
    task_id: UUID | None = None
    subtask_id: UUID | None = None
    requested_model: str | None = None
    selected_model: str | None = None
    provider: str | None = None
    policy: str | None = None
    requirements: dict[str, Any] = Field(default_factory=dict)
    candidates: list[dict[str, Any]] = Field(default_factory=list)
    reason: str | None = None
    agent_id: str | None = None
    created_at: datetime

    @field_validator("candidates", mode="before")
    @classmethod
    def _expand_columns(cls, stored: Any) -> Any:
        # Rows of earlier versions hold the objects themselves.
        if isinstance(stored, dict):
            return CandidateColumns.model_validate(stored).expand()
        return stored


class ModelStats(ListedRow):
    """A row of `cogo_model_stats`: one model at one provider over one period."""

    period: str
    """hour, day or week."""
    model_id: str
    provider: str | None = None
    attempts: int
    completed: int
    failed: int
    error_rate: float | None = None
    first_token_ms_p50: float | None = None
    first_token_ms_p95: float | None = None
    duration_ms_p50: float | None = None
    duration_ms_p95: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd_mean: float | None = None
    simulated: bool = False
    """Whether the vendor simulator answered in place of the model."""


class DeadLetter(Row):
    """A subtask that failed for good, with why and how often it was tried."""

    subtask_id: UUID
    task_id: UUID
    key: str
    type: str
    kind: str
    lane: str
    on_failure: str
    failures: int
    reaps: int
    dead_at: datetime
    error: dict[str, Any] | None = None
    """Class and message of what it ended with."""
    error_class: str = "unknown"
    """The class of its own error, its last attempt's, or its task's if that names it."""
    attempts: list[dict[str, Any]] = Field(default_factory=list)


class DeadLetterFilter(Argument):
    """Which dead letters: those that meet all filters."""

    since: datetime | None = Field(None, description="Died then or later.")
    until: datetime | None = Field(None, description="Died before.")
    error_class: str | None = Field(
        None, max_length=200, description="Class of the error; `unknown`: without one."
    )
    lane: str | None = Field(None, max_length=300)
    type: str | None = Field(None, max_length=200)


class DeadLetterGroup(Row):
    """How many dead letters have the same class of error, lane and type."""

    error_class: str
    lane: str
    type: str
    letters: int
    tasks: int = Field(description="Of how many tasks they are.")
    last_at: datetime = Field(description="When the newest died.")
