"""Rows and arguments of the RPCs, as types."""

from protocol.records.agents import AgentRecord, Reaped, SchemaVersion
from protocol.records.base import Argument, Row
from protocol.records.history import Attempt, Event, ModelStats, SelectionRow
from protocol.records.keys import ApiKey, NewApiKey
from protocol.records.leases import (
    Checkpoint,
    ClaimedSubtask,
    EarlierAttempt,
    Extension,
    LeaseAnswer,
    LeaseRef,
    ReleaseAnswer,
    TaskBrief,
)
from protocol.records.outcomes import (
    Completion,
    CompletionAnswer,
    ErrorInfo,
    Failure,
    FailureAction,
    FailureAnswer,
    SessionMessage,
    Usage,
)
from protocol.records.plans import Plan, PlannedSubtask, Route, SelectionRecord
from protocol.records.queue import Limits, Pruned, QueueRow
from protocol.records.tasks import NewTask, Subtask, Task

__all__ = [
    "AgentRecord",
    "ApiKey",
    "Argument",
    "Attempt",
    "Checkpoint",
    "ClaimedSubtask",
    "Completion",
    "CompletionAnswer",
    "EarlierAttempt",
    "ErrorInfo",
    "Event",
    "Extension",
    "Failure",
    "FailureAction",
    "FailureAnswer",
    "LeaseAnswer",
    "LeaseRef",
    "Limits",
    "ModelStats",
    "NewApiKey",
    "NewTask",
    "Plan",
    "PlannedSubtask",
    "Pruned",
    "QueueRow",
    "Reaped",
    "ReleaseAnswer",
    "Route",
    "Row",
    "SchemaVersion",
    "SelectionRecord",
    "SelectionRow",
    "SessionMessage",
    "Subtask",
    "Task",
    "TaskBrief",
    "Usage",
]
