"""What a task does now, in one line, from its updates. Pure."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from protocol.lanes import CIO
from protocol.records import Event, SelectionRow
from protocol.records.flows import is_time_limit
from protocol.transcript import (
    ChildBegan,
    PartReader,
    TaskEnded,
    TaskUpdate,
    ToolCallUpdate,
    TranscriptDelta,
    TranscriptReset,
)

_MAX_STEPS: Final = 5
"""Steps that one line names."""
_ENDS: Final = frozenset({"completed", "failed", "cancelled"})
_WORDS: Final = {
    "queued": "is queued",
    "delayed": "will go on later",
    "waiting": "waits for an answer",
    "held": "is paused",
}
_WAITS: Final = {"task": "child task runs", "event": "waits for an event", "sleep": "sleeps"}


@dataclass(slots=True)
class _Step:
    key: str
    kind: str | None = None
    is_planning: bool = False
    status: str = "queued"
    model: str | None = None
    characters: int = 0
    tool: str | None = None

    def describe(self) -> str:
        name = self.key if self.model is None else f"{self.key} ({self.model})"
        if self.status != "running":
            wait = _WAITS.get(self.kind or "") if self.status in {"waiting", "delayed"} else None
            return f"{name} {wait or _WORDS.get(self.status, self.status)}"
        if self.tool is not None:
            return f"{name} calls {self.tool}"
        if self.characters:
            return f"{name} writes, {self.characters} characters"
        return f"{name} works"


class TaskProgress:
    """Reduces the updates of a task and its children to a line about what is under way."""

    def __init__(self, task_id: UUID) -> None:
        self._task_id = task_id
        self._parts = PartReader()
        self._steps: dict[UUID, _Step] = {}
        self._done = 0
        self._ended: set[UUID] = set()
        self._is_planning = False
        self._status = "waits to begin"

    def apply(self, update: TaskUpdate) -> None:
        """Take an update into account."""
        match update:
            case ChildBegan():
                list(self._parts.apply(update))
                self._steps.pop(update.subtask_id, None)  # its own steps say more
            case Event(subtask_id=None) if update.task_id == self._task_id:
                status = update.kind.partition(".")[2]
                self._status = "waits to begin" if status == "pending" else f"is {status}"
            case Event():
                self._apply_event(update)
            case SelectionRow(subtask_id=UUID() as subtask_id) if subtask_id not in self._ended:
                self._get_step(subtask_id).model = update.selected_model
            case TranscriptDelta() | TranscriptReset() | ToolCallUpdate() if (
                update.subtask_id in self._ended
            ):
                pass  # it came late
            case TranscriptDelta():
                step = self._get_step(update.subtask_id, self._name(update.task_id, update.key))
                step.tool = None
                if update.kind == "text":
                    step.characters = update.offset + len(update.delta)
            case TranscriptReset():
                self._get_step(update.subtask_id).characters = 0
            case ToolCallUpdate():
                step = self._get_step(update.subtask_id, self._name(update.task_id, update.key))
                step.tool = update.tool if update.status == "called" else None
            case TaskEnded(task) if task.id == self._task_id:
                self._status = f"is {task.status}"
                self._steps.clear()
                self._is_planning = False

    def describe(self) -> str:
        """Return the line."""
        done = f"{self._done} step{'' if self._done == 1 else 's'} done"
        active = [each for each in self._steps.values() if each.status != "blocked"]
        running = sorted(active, key=lambda each: each.status != "running")
        parts = [each.describe() for each in running[:_MAX_STEPS]]
        if len(running) > _MAX_STEPS:
            parts.append(f"{len(running) - _MAX_STEPS} more")
        if not parts:
            parts = ["the workflow decides what follows"] if self._is_planning else []
        return "; ".join([done, *parts]) if parts else f"the task {self._status}; {done}"

    def _name(self, task_id: UUID, key: str | None) -> str | None:
        return None if key is None else self._parts.get_agent(task_id, key)

    def _get_step(self, subtask_id: UUID, key: str | None = None) -> _Step:
        step = self._steps.setdefault(subtask_id, _Step(key or "a step"))
        if key is not None:
            step.key = key
        return step

    def _apply_event(self, event: Event) -> None:
        subtask_id, status = event.subtask_id, event.kind.partition(".")[2]
        if subtask_id is None:
            return
        if is_time_limit(event.detail.get("kind"), event.detail.get("key")):
            return
        if event.detail.get("kind") == "flow" or event.detail.get("lane") == CIO:
            if event.task_id == self._task_id:
                self._is_planning = status == "running"
            return
        key = self._name(event.task_id, event.detail.get("key")) or "a step"
        self._ended.discard(subtask_id)  # one may be done again
        step = self._get_step(subtask_id, key)
        step.kind, step.status, step.tool = event.detail.get("kind"), status, None
        if status == "running":
            step.characters = 0
        if status in _ENDS:
            del self._steps[subtask_id]
            self._ended.add(subtask_id)
            self._done += status == "completed"
