"""The harness's own actions and answers: the part of the history that no database has."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tests.chaos.faults import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A task that the database acknowledged."""

    key: str
    """Its idempotency key."""
    task_id: UUID
    must_fail: bool
    """It cannot be planned."""
    may_fail: bool = False
    """The vendor refuses the first question for good; a redrive mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A write with an attempt that had ended, and the answer of the database."""

    subtask_id: UUID
    attempt: int
    verb: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """A fault that happened."""

    kind: Kind
    at: datetime
    until: datetime
    agent_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Diary:
    """The records of one run, filled while it lasts."""

    submitted: list[Submitted] = field(default_factory=list)
    cancelling: set[UUID] = field(default_factory=set)
    """Tasks whose cancellation was asked for, whatever the answer."""
    cancelled: set[UUID] = field(default_factory=set)
    """Tasks that the database called cancelled."""
    redriving: Counter[UUID] = field(default_factory=Counter)
    """How often it was asked that a task that failed goes on, whatever the answer."""
    replayed: list[Replayed] = field(default_factory=list)
    struck: list[Struck] = field(default_factory=list)
