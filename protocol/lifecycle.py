"""The states of tasks and subtasks and the moves between them.

SQL has the same tables; a test compares them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class TaskState(StrEnum):
    """State of a task."""

    PENDING = "pending"
    """Not planned yet."""
    RUNNING = "running"
    HELD = "held"
    """Paused by a person."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """True if the task has ended; only a redrive can reopen it."""
        return self in {TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED}


class SubtaskState(StrEnum):
    """State of a subtask."""

    BLOCKED = "blocked"
    """Waiting for other subtasks; a suspended flow for its steps."""
    QUEUED = "queued"
    DELAYED = "delayed"
    """Waiting for `run_at`."""
    WAITING = "waiting"
    """Waiting for a person, an event or a task."""
    HELD = "held"
    RUNNING = "running"
    """Under a lease."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_T = TaskState
_S = SubtaskState

TASK_TRANSITIONS: Final[Mapping[TaskState, frozenset[TaskState]]] = {
    _T.PENDING: frozenset({_T.RUNNING, _T.HELD, _T.FAILED, _T.CANCELLED}),
    _T.RUNNING: frozenset({_T.HELD, _T.COMPLETED, _T.FAILED, _T.CANCELLED}),
    _T.HELD: frozenset({_T.PENDING, _T.RUNNING, _T.FAILED, _T.CANCELLED}),
    _T.COMPLETED: frozenset(),
    _T.FAILED: frozenset({_T.PENDING, _T.RUNNING}),  # redriven
    _T.CANCELLED: frozenset(),
}

SUBTASK_TRANSITIONS: Final[Mapping[SubtaskState, frozenset[SubtaskState]]] = {
    _S.BLOCKED: frozenset({_S.QUEUED, _S.DELAYED, _S.WAITING, _S.HELD, _S.CANCELLED}),
    _S.QUEUED: frozenset({_S.RUNNING, _S.HELD, _S.CANCELLED, _S.FAILED, _S.DELAYED}),
    _S.DELAYED: frozenset({_S.QUEUED, _S.HELD, _S.CANCELLED, _S.FAILED, _S.COMPLETED}),
    _S.WAITING: frozenset({_S.QUEUED, _S.COMPLETED, _S.FAILED, _S.HELD, _S.CANCELLED}),
    _S.HELD: frozenset(
        {_S.BLOCKED, _S.QUEUED, _S.DELAYED, _S.WAITING, _S.COMPLETED, _S.FAILED, _S.CANCELLED}
    ),
    _S.RUNNING: frozenset(set(_S) - {_S.RUNNING}),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset({_S.QUEUED, _S.DELAYED, _S.WAITING}),  # redriven
    _S.CANCELLED: frozenset({_S.BLOCKED, _S.QUEUED}),  # redriven with its task
}
