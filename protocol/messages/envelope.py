"""The envelope of a message, and how to parse it and its payload."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self, TypeVar
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocol.errors import MalformedMessage
from protocol.ids import utc_now
from protocol.json_values import explain_mistake

_P = TypeVar("_P", bound=BaseModel)


class MessageType(StrEnum):
    """The message types that this version sends."""

    TASK_CREATED = "TASK_CREATED"
    TASK_CANCELLED = "TASK_CANCELLED"
    CHILD_ENDED = "CHILD_ENDED"
    APPROVAL_REQUESTED = "APPROVAL_REQUESTED"
    APPROVAL_ANSWERED = "APPROVAL_ANSWERED"
    APPROVAL_WITHDRAWN = "APPROVAL_WITHDRAWN"
    COLUMN_PAUSED = "COLUMN_PAUSED"
    MCP_SUBTASK = "MCP_SUBTASK"
    SUBTASK_CANCELLED = "SUBTASK_CANCELLED"
    SUBTASK_PROGRESS = "SUBTASK_PROGRESS"
    TOOL_CALL = "TOOL_CALL"
    TOOL_RESULT = "TOOL_RESULT"
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
