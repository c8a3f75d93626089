"""Messages on the channels: the envelope and the payload of each type.

Unknown fields are ignored; durations are milliseconds; timestamps are ISO 8601 in UTC.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, Self, TypeVar
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocol.errors import MalformedMessage
from protocol.ids import utc_now
from protocol.json_values import explain_mistake


class MessageType(StrEnum):
    """The message types that this version sends."""

    TASK_CREATED = "TASK_CREATED"
    TASK_CANCELLED = "TASK_CANCELLED"
    CHILD_ENDED = "CHILD_ENDED"
    APPROVAL_REQUESTED = "APPROVAL_REQUESTED"
    APPROVAL_ANSWERED = "APPROVAL_ANSWERED"
    MCP_SUBTASK = "MCP_SUBTASK"
    SUBTASK_CANCELLED = "SUBTASK_CANCELLED"
    SUBTASK_PROGRESS = "SUBTASK_PROGRESS"
    SUBTASK_RESULT = "SUBTASK_RESULT"
    TASK_RESULT = "TASK_RESULT"
    MODEL_SELECTION_REQUEST = "MODEL_SELECTION_REQUEST"
    MODEL_SELECTION_RESPONSE = "MODEL_SELECTION_RESPONSE"
    MODEL_STATUS = "MODEL_STATUS"
    MODEL_CONTROL = "MODEL_CONTROL"


class Payload(BaseModel):
    """Base of the payloads."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    timestamp: datetime | None = None


class Envelope(BaseModel):
    """A message. `type` is any text, so that a newer sender does not break an older reader."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str = Field(min_length=1, max_length=100)
    payload: dict[str, Any]
    source: str
    """The agent whose action it reports, or `cogo-database`."""
    target: str
    id: UUID = Field(default_factory=uuid4)
    timestamp: datetime = Field(default_factory=utc_now)
    version: int = 1

    @classmethod
    def wrap(cls, type_: MessageType, payload: Payload, *, source: str, target: str) -> Self:
        """Create a message with this payload."""
        body = payload.model_dump(mode="json", exclude_none=True)
        return cls(type=type_, payload=body, source=source, target=target)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Parse a received message. Raise MalformedMessage, which names the field.

        A message without an id gets one (of version 5) that every reader derives from its content.
        """
        return _validate(cls, raw if "id" in raw else {**raw, "id": _derive_id(raw)})

    @property
    def is_unnamed(self) -> bool:
        """True if it was received without an id, and has one derived from its content."""
        return self.id.version == 5


def _derive_id(raw: Mapping[str, Any]) -> UUID:
    try:
        return uuid5(NAMESPACE_OID, json.dumps(raw, sort_keys=True, default=str))
    except (RecursionError, TypeError, ValueError):  # nested too deeply, or not JSON
        return uuid4()


class TaskCreated(Payload):
    """A task was inserted."""

    task_id: UUID
    type: str
    priority: int
    run_at: datetime | None = None
    parent_task_id: UUID | None = None
    """The task whose workflow inserted it."""


class TaskCancelled(Payload):
    """A task was cancelled."""

    task_id: UUID
    reason: str | None = None


class ChildEnded(Payload):
    """A child task ended. The next claim of an orchestrator continues its parent."""

    task_id: UUID
    """The parent."""
    child_task_id: UUID
    status: Literal["completed", "failed", "cancelled", "deleted"]


class ApprovalRequested(Payload):
    """A subtask waits for the answer of a person, which `cogo_answer_approval` takes."""

    approval_id: UUID
    task_id: UUID
    subtask_id: UUID
    key: str
    question: str | None = None
    show: Any = None
    """What the person should see before the answer."""
    by: str | None = None
    """Who may answer: None: the owner of the task; the uuid of a person; or `operators`."""


class ApprovalAnswered(ApprovalRequested):
    """A person has answered."""

    approved: bool
    comment: str | None = None
    answered_by: UUID | None = None
    """The person; None: an operator."""


class SubtaskParams(Payload):
    """The work. More keys are allowed."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    git_branch: str | None = None
    target_file: str | None = None
    model_id: str
    """The stamp: the model that should do the work."""
    generation_prompt: str
    code_context: str | None = None
    language: str | None = None
    framework: str | None = None


class SubtaskMetadata(Payload):
    """Hints for doing the work."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    priority: Literal["low", "medium", "high"] = "medium"
    estimated_duration: int = 30_000
    model_preferences: list[str] = Field(default_factory=list)
    queued: int | None = None
    """Number of subtasks queued in this lane by the same transaction without a message."""


class McpSubtask(Payload):
    """A subtask is ready. An executor claims it with `cogo_claim_subtasks`."""

    subtask_id: UUID
    task_id: UUID
    type: str
    params: SubtaskParams
    metadata: SubtaskMetadata = Field(default_factory=SubtaskMetadata)


class SubtaskCancelled(Payload):
    """A running subtask should stop. Its next lease extension is answered with `cancel`, too."""

    subtask_id: UUID
    task_id: UUID
    attempt: int
    reason: str | None = None


class SubtaskProgress(Payload):
    """The next piece of a model's text.

    A higher `attempt` than before voids the text of earlier attempts.
    """

    task_id: UUID
    subtask_id: UUID
    key: str | None = None
    """The subtask's key in its task, such as `draft#2`."""
    role: str | None = None
    """What the subtask does in its workflow, such as `reviewer`."""
    answer: bool = True
    """Whether its text is the task's answer, as far as it is known; else it is for other steps."""
    attempt: int = Field(ge=1)
    kind: Literal["text", "reasoning"] = "text"
    offset: int = Field(ge=0)
    """Number of characters of this kind before it, within this attempt."""
    delta: str


class ModelPerformance(Payload):
    """Duration, tokens and cost of the call."""

    model_id: str | None = None
    response_time: int | None = None
    tokens_used: int | None = None
    cost_usd: float | None = None
    """None if the price is unknown."""


class ResultMetadata(Payload):
    """The origin of a result."""

    source: str
    model_id: str | None = None
    model_performance: ModelPerformance | None = None


class ResultOutput(Payload):
    """The output. More keys are allowed."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    generated_code: str | None = None
    model_used: str | None = None
    generation_time: int | None = None
    file_path: str | None = None
    reasoning_content: str | None = None
    verification: dict[str, Any] | None = None


class SubtaskResult(Payload):
    """A subtask ended."""

    subtask_id: UUID
    task_id: UUID
    status: Literal["completed", "failed"]
    output: ResultOutput | None = None
    error: dict[str, Any] | str | None = None
    execution_time: int
    metadata: ResultMetadata


class TaskResult(Payload):
    """A task ended."""

    task_id: UUID
    status: Literal["completed", "failed", "cancelled"]
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    cost_usd: float | None = None
    tokens: dict[str, int] = Field(default_factory=dict)
    execution_time: int | None = None


class ModelSelectionRequest(Payload):
    """A request for the model that the CIO would choose."""

    task_id: str | None = Field(default=None, max_length=200)
    """Any name, which the answer repeats; not necessarily the id of a task."""
    subtask_id: str | None = Field(default=None, max_length=200)
    requested_model: str | None = None
    available_models: list[str] = Field(default_factory=list)
    """Candidates; empty: all served models."""
    model_capabilities: dict[str, list[str]] = Field(default_factory=dict)
    selection_reason: str | None = None
    task_requirements: dict[str, Any] = Field(default_factory=dict)
    """complexity, language, framework, taskType, performanceNeeded, accuracyNeeded."""


class ModelSelectionResponse(Payload):
    """The model that the CIO chose, and why."""

    request_id: UUID | None = None
    """The id of the request; None for a choice without one."""
    task_id: str | None = None
    """As in the request."""
    subtask_id: str | None = None
    requested_model: str | None = None
    selected_model: str | None = None
    available_models: list[str] = Field(default_factory=list)
    model_capabilities: dict[str, list[str]] = Field(default_factory=dict)
    selection_reason: str | None = None
    error: str | None = None
    """Why no model was selected."""


class ModelStatus(Payload):
    """A model became available or unavailable, everywhere or at one deployment."""

    model_id: str
    """Or the id of a provider that an operator named; `policy` if a policy was set."""
    provider: str | None = None
    deployment: str | None = None
    """The deployment whose circuit opened or closed; others may still serve the model."""
    until: datetime | None = None
    """When it may be called again, at the earliest."""
    status: Literal["available", "degraded", "unavailable"]
    reason: str | None = None
    kind: Literal["health", "control", "policy"] | None = None
    """Kind of change, like the next fields from `cogo_model_switches`; None: a circuit."""
    scope: str | None = None
    was: str | None = None
    became: str | None = None
    who: str | None = None
    numbers: dict[str, Any] = Field(default_factory=dict)


class ModelControl(Payload):
    """An operator pins, bans, drains or allows a model or a provider.

    Sending on this topic requires the secret key. MODEL_STATUS reports what changed.
    """

    action: Literal["pin", "ban", "drain", "allow"]
    subject: str = Field(min_length=1, max_length=200)
    """A provider's id, or a model's id, alias or role: the model that it stands for now."""
    scope: str = Field(
        default="everywhere", pattern=r"^(everywhere|owner:[0-9a-fA-F-]{36}|task_type:.+)$"
    )
    """`everywhere`, `owner:<uuid>` or `task_type:<type>`."""
    reason: str | None = Field(default=None, max_length=1000)


PAYLOADS: Final[Mapping[MessageType, type[Payload]]] = {
    MessageType.TASK_CREATED: TaskCreated,
    MessageType.TASK_CANCELLED: TaskCancelled,
    MessageType.CHILD_ENDED: ChildEnded,
    MessageType.APPROVAL_REQUESTED: ApprovalRequested,
    MessageType.APPROVAL_ANSWERED: ApprovalAnswered,
    MessageType.MCP_SUBTASK: McpSubtask,
    MessageType.SUBTASK_CANCELLED: SubtaskCancelled,
    MessageType.SUBTASK_PROGRESS: SubtaskProgress,
    MessageType.SUBTASK_RESULT: SubtaskResult,
    MessageType.TASK_RESULT: TaskResult,
    MessageType.MODEL_SELECTION_REQUEST: ModelSelectionRequest,
    MessageType.MODEL_SELECTION_RESPONSE: ModelSelectionResponse,
    MessageType.MODEL_STATUS: ModelStatus,
    MessageType.MODEL_CONTROL: ModelControl,
}

_P = TypeVar("_P", bound=BaseModel)


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


def read_payload(message: Envelope, shape: type[_P]) -> _P:
    """Parse a payload. Raise MalformedMessage, which names the field."""
    return _validate(shape, message.payload)


def _validate(shape: type[_P], raw: Mapping[str, Any]) -> _P:
    try:
        return shape.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise MalformedMessage(f"{shape.__name__}.{path}: {explain_mistake(first)}") from error
