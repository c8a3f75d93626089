"""What agents see of the places where models are served, and what the database makes of it."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from protocol.records.base import Argument, Row

CircuitState = Literal["closed", "open", "half_open"]


class Draw(Argument):
    """So much out of (or back into) a token bucket. Buckets of one name have one rate."""

    bucket: str
    amount: float
    per_minute: int


class CallsReport(Argument):
    """What one agent saw of one deployment since its last report."""

    deployment: str
    model_id: str
    provider: str
    answered: int = 0
    failed: int = 0
    """Failures of the vendor's; limits, refused keys and refused requests are none."""
    in_a_row: int = 0
    """Those of them that came after the last answer."""
    unreachable: int | None = None
    """Connections that failed in a row, up to now; None: none was tried."""
    retry_after_seconds: float | None = None
    """How long the vendor asked everybody to wait."""
    error: dict[str, Any] | None = None
    """The last one: class, message, status."""
    concurrency: int | None = None
    running: int | None = None
    trial: Literal["running", "answered", "failed", "void"] | None = None
    trial_id: UUID | None = None
    given_back: list[Draw] = Field(default_factory=list)
    """What was drawn too much; a negative amount was too little."""


class Circuit(Row):
    """A deployment that may not simply be asked."""

    deployment: str
    state: CircuitState
    wait_seconds: float
    resting: bool | None = None
    """The vendor asked to wait; the wait is for that, too."""


class Trial(Row):
    """Whether the one call of a half-open circuit may be made; a closed one needs no trial."""

    granted: bool
    state: CircuitState
    wait_seconds: float


class Drawn(Row):
    """Whether buckets gave what was asked for, and how long until it may be worth asking again."""

    granted: bool
    wait_seconds: float


class CachedAnswer(Row):
    """An answer that was kept."""

    answer: dict[str, Any]
    created_at: datetime


class DeploymentRow(Row):
    """The health of a deployment as operators see it; learned from calls, never from probes."""

    deployment: str
    model_id: str | None = None
    provider: str | None = None
    state: Literal["closed", "open", "half_open", "resting"]
    wait_seconds: float
    answered: Decimal
    """Calls of the last minutes, the older the less they weigh; so is the next."""
    failed: Decimal
    openings: int
    last_error: dict[str, Any] | None = None
    last_error_at: datetime | None = None
    changed_at: datetime
    agents: int
    concurrency: int
    """Calls at once that the executors of the last minute allow it together."""
    running: int
    unreachable_for: int
    """Executors that cannot connect to it."""
