"""Messages on the channels: the envelope and the payload of each type.

Unknown fields are ignored; durations are milliseconds; timestamps are ISO 8601 in UTC.
"""

from protocol.messages.envelope import Envelope, MessageType, Payload, read_payload
from protocol.messages.models import (
    ModelControl,
    ModelSelectionRequest,
    ModelSelectionResponse,
    ModelStatus,
)
from protocol.messages.progress import (
    MAX_CALL_ID,
    MAX_SUMMARY,
    SubtaskProgress,
    ToolCalled,
    ToolReturned,
    ToolStatus,
    select_arguments,
    write_content,
)
from protocol.messages.subtasks import (
    McpSubtask,
    ModelPerformance,
    ResultMetadata,
    ResultOutput,
    SubtaskCancelled,
    SubtaskMetadata,
    SubtaskParams,
    SubtaskResult,
)
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
from protocol.messages.types import MUST_BE_ANSWERED, PAYLOADS, is_known

__all__ = [
    "MAX_CALL_ID",
    "MAX_SUMMARY",
    "MUST_BE_ANSWERED",
    "PAYLOADS",
    "ApprovalAnswered",
    "ApprovalRequested",
    "ApprovalWithdrawn",
    "ChildEnded",
    "ColumnPaused",
    "Envelope",
    "McpSubtask",
    "MessageType",
    "ModelControl",
    "ModelPerformance",
    "ModelSelectionRequest",
    "ModelSelectionResponse",
    "ModelStatus",
    "Payload",
    "ResultMetadata",
    "ResultOutput",
    "SubtaskCancelled",
    "SubtaskMetadata",
    "SubtaskParams",
    "SubtaskProgress",
    "SubtaskResult",
    "TaskCancelled",
    "TaskCreated",
    "TaskResult",
    "ToolCalled",
    "ToolReturned",
    "ToolStatus",
    "is_known",
    "read_payload",
    "select_arguments",
    "write_content",
]
