"""What a watcher is told, item by item."""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from gateway.streams.transcript import Kind
from protocol.records import Event, SelectionRow, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Some more of what a subtask says; `offset` counts characters of this kind and attempt."""

    subtask_id: UUID
    attempt: int
    kind: Kind
    offset: int
    delta: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """Forget what earlier attempts of this subtask said: `attempt` begins anew."""

    subtask_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The task is over; its row says everything. Nothing follows."""

    task: Task


News: TypeAlias = Event | SelectionRow | Said | Discarded | Ended
