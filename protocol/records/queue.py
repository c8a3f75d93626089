"""The queue as operators see it, and the results of its maintenance."""

from datetime import datetime
from uuid import UUID

from protocol.records.base import Row


class QueueRow(Row):
    """The subtasks of one owner in one lane. `owner` is None for tasks without one."""

    lane: str
    owner: UUID | None = None
    queued: int
    blocked: int
    delayed: int
    waiting: int
    held: int
    running: int
    dead: int
    oldest_at: datetime | None = None
    """When the oldest queued subtask was created."""
    oldest_ms: int | None = None
    """Its age, by the database's clock."""
    completed_per_minute: float
    """Attempts, over the last five minutes, like the next field."""
    failed_per_minute: float
    lane_paused: bool
    lane_max_running: int | None = None
    lane_per_minute: int | None = None
    owner_paused: bool
    owner_max_running: int | None = None
    owner_per_minute: int | None = None


class Limits(Row):
    """The limits of a lane or an owner, and how many of its subtasks are running."""

    paused: bool
    max_running: int | None = None
    per_minute: int | None = None
    running: int


class Pruned(Row):
    """The number of rows that were deleted."""

    pruned: int


class Reaped(Row):
    """How many subtasks one call of the reaper moved, and where."""

    reaped: int
    dead: int
    promoted: int
    cancelled: int


class SchemaVersion(Row):
    """The version of an applied migration."""

    version: str


class WriteCheck(Row):
    """When the database last proved that it can write."""

    at: datetime
