"""The parts of a task: what each participant says, and when it begins and ends.

Participants are the steps that models do, and child tasks with their own steps.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from uuid import UUID

from protocol.lanes import is_model_lane
from protocol.records import Event
from protocol.transcript.updates import (
    ChildBegan,
    TaskUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
)

PartStatus: TypeAlias = Literal["started", "delta", "complete", "failed"]
_ENDS: Final[Mapping[str, PartStatus]] = {
    "subtask.completed": "complete",
    "subtask.failed": "failed",
    "subtask.cancelled": "failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartUpdate:
    """A change of one part. `started` once more voids what the participant has said before."""

    task_id: UUID
    """The task of the step, which may be a child task."""
    subtask_id: UUID
    agent: str
    """The participant: the key of its step, after those of the child tasks above it."""
    role: str | None
    model: str | None
    status: PartStatus
    text: str = ""
    """What it says next."""


@dataclass(slots=True)
class _Part:
    task_id: UUID
    subtask_id: UUID
    key: str
    role: str | None = None
    model: str | None = None
    attempt: int = 0
    """The last attempt that was announced."""
    turn: int = 1
    has_text: bool = False
    end: PartStatus | None = None
    """An end that was not announced yet: text before it may follow in the same batch."""


class PartReader:
    """Reduces the updates of a task and of its child tasks to the changes of its parts."""

    def __init__(self) -> None:
        self._parts: dict[UUID, _Part] = {}
        self._paths: dict[UUID, str] = {}
        """By child task: the agent that it is."""

    def get_agent(self, task_id: UUID, key: str) -> str:
        """Return the name of a participant."""
        path = self._paths.get(task_id)
        return f"{path}/{key}" if path else key

    def apply(self, update: TaskUpdate) -> Iterator[PartUpdate]:
        """Yield what an update changes; `settle` yields ends after the last one of a batch."""
        match update:
            case ChildBegan():
                self._paths[update.child_task_id] = self.get_agent(update.task_id, update.key)
            case Event() if update.subtask_id is not None:
                yield from self._apply_event(update, update.subtask_id)
            case TranscriptDelta(kind="text"):
                yield from self._apply_delta(update)
            case TranscriptReset() | TranscriptAside():
                part = self._parts.get(update.subtask_id)
                if part is not None and part.has_text:
                    yield self._start(part)
            case _:
                pass

    def settle(self) -> Iterator[PartUpdate]:
        """Yield the ends of the parts that have ended since the last time."""
        for part in self._parts.values():
            if part.end is not None:
                end, part.end = part.end, None
                yield self._build(part, end)

    def _apply_event(self, event: Event, subtask_id: UUID) -> Iterator[PartUpdate]:
        lane, kind = str(event.detail.get("lane")), event.detail.get("kind")
        is_model = kind is None and is_model_lane(lane)
        if not is_model and kind != "task":
            return
        part = self._parts.get(subtask_id)
        if event.kind == ("subtask.running" if is_model else "subtask.waiting"):
            attempt = event.attempt or 1
            is_new = part is None or part.attempt < attempt
            part = part or self._add(event.task_id, subtask_id, event.detail.get("key"))
            if attempt >= part.attempt:
                part.attempt, part.model = attempt, lane if is_model else None
                part.role = event.detail.get("role")
            if is_new:
                yield self._start(part)
        elif part is not None and (end := _ENDS.get(event.kind)) is not None:
            part.end = end

    def _apply_delta(self, delta: TranscriptDelta) -> Iterator[PartUpdate]:
        part = self._parts.get(delta.subtask_id)
        if part is None or part.attempt < delta.attempt:
            part = part or self._add(delta.task_id, delta.subtask_id, delta.key)
            part.attempt, part.role = delta.attempt, delta.role
            part.model = delta.model or part.model
            yield self._start(part)
        if delta.attempt < part.attempt or delta.turn < part.turn:
            return  # what was missed of earlier text, which does not count any more
        part.turn, part.has_text = delta.turn, True
        yield self._build(part, "delta", delta.delta)

    def _add(self, task_id: UUID, subtask_id: UUID, key: object) -> _Part:
        part = self._parts[subtask_id] = _Part(task_id, subtask_id, str(key or "main"))
        return part

    def _start(self, part: _Part) -> PartUpdate:
        part.has_text = False
        return self._build(part, "started")

    def _build(self, part: _Part, status: PartStatus, text: str = "") -> PartUpdate:
        return PartUpdate(
            task_id=part.task_id,
            subtask_id=part.subtask_id,
            agent=self.get_agent(part.task_id, part.key),
            role=part.role,
            model=part.model,
            status=status,
            text=text,
        )
