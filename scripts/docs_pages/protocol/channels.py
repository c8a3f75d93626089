"""Topics, their receivers and messages. A test compares them with `protocol`."""

from dataclasses import dataclass
from typing import Final

from protocol.messages import MessageType
from protocol.topics import APPROVALS, MODEL_SELECTION, RESULTS, SUBTASKS, TASKS

_T = MessageType


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic as its receivers see it."""

    topic: str
    """With `{task_id}` in a topic of one task, and `{user_id}` in that of one person."""
    receivers: str
    types: tuple[MessageType, ...]


CHANNELS: Final = (
    Channel(
        TASKS,
        "orchestrators",
        (
            _T.TASK_CREATED,
            _T.TASK_CANCELLED,
            _T.MCP_SUBTASK,
            _T.CHILD_ENDED,
            _T.APPROVAL_REQUESTED,
            _T.APPROVAL_ANSWERED,
            _T.APPROVAL_WITHDRAWN,
            _T.COLUMN_PAUSED,
        ),
    ),
    Channel(SUBTASKS, "executors", (_T.MCP_SUBTASK, _T.SUBTASK_CANCELLED)),
    Channel(RESULTS, "operators, dashboards", (_T.SUBTASK_RESULT, _T.TASK_RESULT)),
    Channel(
        f"{RESULTS}:{{task_id}}",
        "the owner of the task, operators",
        (
            _T.SUBTASK_PROGRESS,
            _T.TOOL_CALL,
            _T.TOOL_RESULT,
            _T.SUBTASK_RESULT,
            _T.TASK_RESULT,
            _T.APPROVAL_REQUESTED,
            _T.APPROVAL_ANSWERED,
            _T.APPROVAL_WITHDRAWN,
        ),
    ),
    Channel(
        f"{APPROVALS}:{{user_id}}",
        "the person whom a workflow asks by name",
        (_T.APPROVAL_REQUESTED, _T.APPROVAL_ANSWERED, _T.APPROVAL_WITHDRAWN),
    ),
    Channel(
        MODEL_SELECTION,
        "orchestrators, executors, operators",
        (
            _T.MODEL_SELECTION_REQUEST,
            _T.MODEL_SELECTION_RESPONSE,
            _T.MODEL_STATUS,
            _T.MODEL_CONTROL,
        ),
    ),
)
