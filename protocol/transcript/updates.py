"""What a watcher of a task is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias, get_args
from uuid import UUID

from protocol.messages import ToolStatus
from protocol.records import Event, SelectionRow, Task

TextKind: TypeAlias = Literal["text", "reasoning"]

AsideKind: TypeAlias = Literal["narration", "reasoning"]

TEXT_KINDS: Final[tuple[TextKind, ...]] = get_args(TextKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptDelta:
    """The next piece of a subtask's text; `offset` counts characters of this kind and attempt."""

    task_id: UUID
    subtask_id: UUID
    attempt: int
    kind: TextKind
    offset: int
    delta: str
    key: str | None = None
    role: str | None = None
    model: str | None = None
    """Who says it, if that is known."""
    is_answer: bool = True
    """Whether it is text of the task's answer, and not only for other steps."""
    turn: int = 1
    """The number of the model's answer in its subtask."""
    start: int = 0
    """The offset at which the text of this turn begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptReset:
    """The text of earlier attempts of a subtask is void: `attempt` starts from the beginning."""

    task_id: UUID
    subtask_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptAside:
    """The text of a turn so far is not the answer.

    The model calls tools in this turn (`narration`), or the text was `reasoning`, and is sent again
    as such.
    """

    task_id: UUID
    subtask_id: UUID
    attempt: int
    turn: int
    kind: AsideKind
    is_answer: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallUpdate:
    """A call of a tool, as it is known now. It comes again when the call has ended."""

    task_id: UUID
    subtask_id: UUID
    turn: int
    call_id: str
    """Unique in its turn."""
    tool: str
    arguments: Mapping[str, Any] | None = None
    """None if they are unknown, or too large."""
    is_cut: bool = False
    """Whether the arguments are too large."""
    status: ToolStatus | Literal["called"] = "called"
    summary: str | None = None
    """The beginning of what it gave."""
    size: int | None = None
    """Number of characters of all of it."""
    duration_ms: int | None = None
    rejected: str | None = None
    """Why it was not run as the model wrote it."""
    started_at: datetime | None = field(default=None, compare=False)
    """When it began to run, as far as that was stored; watchers are not told of it alone."""
    key: str | None = None
    role: str | None = None
    is_answer: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildBegan:
    """A step of a task is a child task, whose updates follow for those who watch children, too."""

    task_id: UUID
    subtask_id: UUID
    key: str
    """The key of the step."""
    child_task_id: UUID


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """The end of a task, with its final row. It is the last update."""

    task: Task


TaskUpdate: TypeAlias = (
    Event
    | SelectionRow
    | TranscriptDelta
    | TranscriptReset
    | TranscriptAside
    | ToolCallUpdate
    | ChildBegan
    | TaskEnded
)
"""An update about a watched task."""


def describe_child(child: ChildBegan) -> dict[str, Any]:
    """Return the beginning of a child task as JSON."""
    return {
        "task_id": str(child.task_id),
        "subtask_id": str(child.subtask_id),
        "key": child.key,
        "child_task_id": str(child.child_task_id),
    }


def describe_call(call: ToolCallUpdate) -> dict[str, Any]:
    """Return a call of a tool as JSON."""
    return {
        "subtask_id": str(call.subtask_id),
        "key": call.key,
        "role": call.role,
        "answer": call.is_answer,
        "turn": call.turn,
        "call_id": call.call_id,
        "tool": call.tool,
        "arguments": call.arguments,
        "cut": call.is_cut,
        "status": call.status,
        "summary": call.summary,
        "size": call.size,
        "duration_ms": call.duration_ms,
        "rejected": call.rejected,
        "started_at": None if call.started_at is None else call.started_at.isoformat(),
    }
