"""The interface of a vendor's wire format, and the errors that all formats share."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from simulator.planned import PlannedResponse
from simulator.request import CompletionRequest, Vendor

_Body = TypeVar("_Body", bound=BaseModel)


EVENT_STREAM: Final = "text/event-stream; charset=utf-8"


class FramePosition(Enum):
    """Position of a frame in its stream; faults happen at pieces and before the closing."""

    STRUCTURE = auto()
    PIECE = auto()
    CLOSING = auto()


@dataclass(frozen=True, slots=True)
class StreamFrame:
    """Bytes that are sent at once."""

    data: bytes
    position: FramePosition = FramePosition.STRUCTURE
    tokens: float = 0.0
    """Tokens that a model generates before this frame is sent."""


class StatusError(Exception):
    """The response to a request is an error status."""

    def __init__(self, status: int, message: str, *, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


class MissingModelError(StatusError):
    """There is no such model."""

    def __init__(self, model: str) -> None:
        super().__init__(404, f"The model `{model}` does not exist.")
        self.model = model


class InvalidKeyError(StatusError):
    """The request has no key or an invalid one."""


def validate_body(model: type[_Body], body: bytes, message: str = "{field}: {problem}") -> _Body:
    """Parse a JSON body; raise `StatusError` 400 with the first problem if it does not fit."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise StatusError(400, message.format(field=field, problem=first["msg"])) from error


class WireFormat(Protocol):
    """Parser of one vendor's requests and builder of its responses."""

    @property
    def vendor(self) -> Vendor:
        """The vendor that is imitated."""
        ...

    @property
    def request_id_header(self) -> str:
        """Name of the response header with the request id."""
        ...

    @property
    def stream_type(self) -> str:
        """The content type of its streams."""
        ...

    def parse_request(self, body: bytes, headers: Mapping[str, str]) -> CompletionRequest:
        """Parse a request; raise `StatusError` if it is invalid."""
        ...

    def build_frames(self, planned: PlannedResponse, *, wants_usage: bool) -> Iterator[StreamFrame]:
        """Yield the frames of a streamed response."""
        ...

    def build_body(self, planned: PlannedResponse, *, is_finished: bool = True) -> JsonValue:
        """Build the body of a response; unless `is_finished`, it has no finish reason."""
        ...

    def build_headers(self, planned: PlannedResponse) -> dict[str, str]:
        """Build the headers of a response."""
        ...

    def build_error(self, error: StatusError, *, request_id: str) -> JsonValue:
        """Build the body of an error status."""
        ...

    def build_error_frame(self) -> bytes:
        """Return the frame of an error in the middle of a stream."""
        ...

    def build_broken_frame(self) -> bytes:
        """Return a frame whose data are not JSON."""
        ...


def dump_json(value: JsonValue) -> bytes:
    """Encode a value as compact UTF-8; lone surrogates become question marks."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
