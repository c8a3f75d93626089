"""What a vendor's wire format must be able to say."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from pydantic import JsonValue

from simulator.planned import Draft
from simulator.request import Question, Vendor


class Step(Enum):
    """Where in a stream a frame stands; faults happen at pieces and before the closing."""

    STRUCTURE = auto()
    PIECE = auto()
    CLOSING = auto()


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes that are sent at once."""

    data: bytes
    step: Step = Step.STRUCTURE
    tokens: float = 0.0
    """What a model has to generate before this can be sent."""


class RefusalError(Exception):
    """The request gets an error status."""

    def __init__(self, status: int, message: str, *, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


class BadKeyError(RefusalError):
    """The request has no key, or one that is not valid."""


class Wire(Protocol):
    """One vendor's requests and answers."""

    @property
    def vendor(self) -> Vendor:
        """Whose wire this is."""
        ...

    @property
    def request_id_header(self) -> str:
        """The header that carries the id under which the vendor's support finds a request."""
        ...

    def read(self, body: bytes, headers: Mapping[str, str]) -> Question:
        """Read a request. Raises RefusalError."""
        ...

    def frames(self, draft: Draft, *, wants_usage: bool) -> Iterator[Frame]:
        """Write an answer as a stream."""
        ...

    def whole(self, draft: Draft, *, is_finished: bool = True) -> JsonValue:
        """Write an answer as one body; unfinished, it has no finish reason."""
        ...

    def headers(self, draft: Draft) -> dict[str, str]:
        """Headers of an answer."""
        ...

    def refusal(self, refused: RefusalError, *, request_id: str) -> JsonValue:
        """Write an error as the body of an error status."""
        ...

    def error_frame(self) -> bytes:
        """Write an error that comes in mid-stream, after HTTP 200."""
        ...

    def broken_frame(self) -> bytes:
        """Write a frame whose data are not JSON."""
        ...


def dump(value: JsonValue) -> bytes:
    """Write JSON as vendors do: compact UTF-8. Lone surrogates become question marks."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def no_such_model(model: str) -> bool:
    """Tell whether the vendor does not know the model; the simulator knows all others."""
    return "no-such-model" in model
