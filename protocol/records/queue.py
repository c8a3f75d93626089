"""The queue as operators see it: what stands where, and what limits it."""

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
    """When the oldest of the queued ones was made."""
    oldest_ms: int | None = None
    """How long ago that is, by the database's clock."""
    completed_per_minute: float
    """Attempts, over the last five minutes; so is the next."""
    failed_per_minute: float
    lane_paused: bool
    lane_max_running: int | None = None
    lane_per_minute: int | None = None
    owner_paused: bool
    owner_max_running: int | None = None
    owner_per_minute: int | None = None


class Limits(Row):
    """What limits a lane or an owner, and how many of its subtasks run now."""

    paused: bool
    max_running: int | None = None
    per_minute: int | None = None
    running: int


class Pruned(Row):
    """How much was forgotten."""

    pruned: int
