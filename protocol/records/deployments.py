"""State of deployments: reports of agents, circuits, token buckets, cached answers."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from protocol.records.base import Argument, Row

CircuitState = Literal["closed", "open", "half_open"]


class Draw(Argument):
    """An amount to take from (or return to) a token bucket. Buckets of one name share a rate."""

    bucket: str
    amount: float
    per_minute: int


class CallsReport(Argument):
    """One agent's observations of one deployment since its last report."""

    deployment: str
    model_id: str
    provider: str
    answered: int = 0
    failed: int = 0
    """Failures of the vendor, except rate limits, refused keys and refused requests."""
    in_a_row: int = 0
    """Failures after the last answer."""
    unreachable: int | None = None
    """Consecutive failed connections up to now; None if none was tried."""
    retry_after_seconds: float | None = None
    """How long the vendor asked all callers to wait."""
    error: dict[str, Any] | None = None
    """The last error: class, message, status."""
    concurrency: int | None = None
    running: int | None = None
    trial: Literal["running", "answered", "failed", "void"] | None = None
    trial_id: UUID | None = None
    given_back: list[Draw] = Field(default_factory=list)
    """Amounts drawn in excess; negative if too little was drawn."""


class Circuit(Row):
    """A deployment that is resting, or whose circuit is open or half-open."""

    deployment: str
    state: CircuitState
    wait_seconds: float
    resting: bool | None = None
    """Whether the vendor asked to wait, which `wait_seconds` includes."""


class Trial(Row):
    """Whether the caller may make the single trial call of a half-open circuit."""

    granted: bool
    state: CircuitState
    wait_seconds: float


class Drawn(Row):
    """Whether the buckets had enough, and how long to wait before the next try."""

    granted: bool
    wait_seconds: float


class CachedAnswer(Row):
    """A cached answer."""

    answer: dict[str, Any]
    created_at: datetime


class DeploymentRow(Row):
    """The health of a deployment, learned from calls, never from probes."""

    deployment: str
    model_id: str | None = None
    provider: str | None = None
    state: Literal["closed", "open", "half_open", "resting"]
    wait_seconds: float
    answered: Decimal
    """Calls of the last minutes, with decreasing weight by age, like `failed`."""
    failed: Decimal
    openings: int
    last_error: dict[str, Any] | None = None
    last_error_at: datetime | None = None
    changed_at: datetime
    agents: int
    concurrency: int
    """Total concurrent calls that the executors of the last minute allow."""
    running: int
    unreachable_for: int
    """Number of executors that cannot connect to it."""
