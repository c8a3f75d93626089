"""Which payload belongs to which type."""

from collections.abc import Mapping
from typing import Final

from protocol.messages.envelope import Envelope, MessageType, Payload, read_payload
from protocol.messages.models import (
    ModelControl,
    ModelSelectionRequest,
    ModelSelectionResponse,
    ModelStatus,
)
from protocol.messages.progress import SubtaskProgress, ToolCalled, ToolReturned
from protocol.messages.subtasks import McpSubtask, SubtaskCancelled, SubtaskResult
from protocol.messages.tasks import (
    ApprovalAnswered,
    ApprovalRequested,
    ApprovalWithdrawn,
    ChildEnded,
    ColumnPaused,
    TaskCancelled,
    TaskCreated,
    TaskResult,
)

PAYLOADS: Final[Mapping[MessageType, type[Payload]]] = {
    MessageType.TASK_CREATED: TaskCreated,
    MessageType.TASK_CANCELLED: TaskCancelled,
    MessageType.CHILD_ENDED: ChildEnded,
    MessageType.APPROVAL_REQUESTED: ApprovalRequested,
    MessageType.APPROVAL_ANSWERED: ApprovalAnswered,
    MessageType.APPROVAL_WITHDRAWN: ApprovalWithdrawn,
    MessageType.COLUMN_PAUSED: ColumnPaused,
    MessageType.MCP_SUBTASK: McpSubtask,
    MessageType.SUBTASK_CANCELLED: SubtaskCancelled,
    MessageType.SUBTASK_PROGRESS: SubtaskProgress,
    MessageType.TOOL_CALL: ToolCalled,
    MessageType.TOOL_RESULT: ToolReturned,
    MessageType.SUBTASK_RESULT: SubtaskResult,
    MessageType.TASK_RESULT: TaskResult,
    MessageType.MODEL_SELECTION_REQUEST: ModelSelectionRequest,
    MessageType.MODEL_SELECTION_RESPONSE: ModelSelectionResponse,
    MessageType.MODEL_STATUS: ModelStatus,
    MessageType.MODEL_CONTROL: ModelControl,
}

MUST_BE_ANSWERED: Final = frozenset({MessageType.MODEL_SELECTION_REQUEST})
"""Types whose sender waits for an answer; delivered even with a malformed payload."""


def is_known(message: Envelope) -> bool:
    """Return whether this version knows the type. Raise MalformedMessage for an invalid payload.

    A payload with a `ref` was too large: its fields are in the row that `ref` names.
    """
    if message.type not in PAYLOADS:
        return False
    if "ref" not in message.payload:
        read_payload(message, PAYLOADS[MessageType(message.type)])
    return True
