"""The record of a flow: what the database knows of the steps of a task's workflow."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import Field, JsonValue

from protocol.lifecycle import SubtaskState
from protocol.records.base import Row

StepKind: TypeAlias = Literal["flow", "ask", "check", "call", "approve", "sleep", "event", "task"]
LIMIT_SUFFIX: Final = ":limit"
"""The end of the key of a sleep that only limits how long another step is waited for."""


def is_time_limit(kind: object, key: object) -> bool:
    """Return whether a step is such a limit, of which nobody has to be told."""
    return kind == "sleep" and _read_name(str(key)).endswith(LIMIT_SUFFIX)


def _read_name(key: str) -> str:
    """Return a key without the branches and tasks above it, and without its number."""
    return key.rpartition("/")[2].partition("#")[0]


class StepRecord(Row):
    """One step, as the lease of a flow carries it."""

    key: str
    kind: StepKind
    digest: str | None = None
    """Hash of what was asked for, from the step's metadata."""
    status: SubtaskState
    end_no: int | None = None
    """Its place among the ends of the task's steps, from 1; None: it has neither completed nor
    failed."""
    ended_at: datetime | None = None
    attempt: int = 0
    model_id: str | None = None
    cost_usd: Decimal | None = None
    """Sum of its attempts, of a child task its cost; None if any is unknown."""
    not_needed: bool = False
    """Whether the workflow cancelled it, because another step won."""
    output: dict[str, Any] | None = None
    is_output_left_out: bool = False
    """Whether its output exceeds what a lease carries; `QueueStore.fetch_step_outputs` reads it."""
    error: dict[str, Any] | None = None
    is_reused: bool = False
    """Whether its result was taken over from the task that this one was forked from."""

    @property
    def has_ended(self) -> bool:
        """True if it will not change, unless it is redriven."""
        return self.status in {SubtaskState.COMPLETED, SubtaskState.FAILED, SubtaskState.CANCELLED}


class StepOutput(Row):
    """The output of a step that the lease of its flow left out."""

    key: str
    output: dict[str, Any]


class Fork(Row):
    """From which step a task was forked, and what replaces the workflow's request for it."""

    step: str
    prompt: str | None = None
    model: str | None = None
    """`auto` leaves the choice to the CIO."""
    seed: UUID
    """The task whose random numbers the workflow gets."""


class FlowRecord(Row):
    """The steps and decisions of a flow; both are empty until its first suspension."""

    steps: list[StepRecord] = Field(default_factory=list)
    """In the order in which they were asked for."""
    decisions: dict[str, JsonValue] = Field(default_factory=dict)
    first_claimed_at: datetime
    deadline_passed: bool = False
    """Whether the task's deadline has ended its open steps; the task fails soon after."""
    fork: Fork | None = None
