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
from protocol.records.spending import (
    Booked,
    Budget,
    BudgetPeriod,
    BudgetScope,
    CallAnswer,
    CallEnd,
    CallRow,
    CallStart,
    Grants,
    Removed,
    UsageRow,
)
from protocol.records.tasks import NewTask, Subtask, Task, TaskLine

__all__ = [
    "AgentRecord",
    "ApiKey",
    "Argument",
    "Attempt",
    "Booked",
    "Budget",
    "BudgetPeriod",
    "BudgetScope",
    "CallAnswer",
    "CallEnd",
    "CallRow",
    "CallStart",
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
    "Grants",
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
    "Removed",
    "Route",
    "Row",
    "SchemaVersion",
    "SelectionRecord",
    "SelectionRow",
    "SessionMessage",
    "Subtask",
    "Task",
    "TaskBrief",
    "TaskLine",
    "Usage",
    "UsageRow",
]
