"""The requests that the simulator received, for tests and benchmarks; without keys and prompts."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from simulator.request import Vendor


@dataclass(slots=True, kw_only=True)
class LoggedRequest:
    """One request; the endpoint fills it in while it serves the request."""

    number: int
    """Counts from 1 and never repeats within a process."""
    vendor: Vendor
    asked_at: str
    """When its headers were read; ISO 8601, UTC, microseconds."""
    model: str = ""
    """Empty until the body has been read; for good if that breaks off or cannot be parsed."""
    stream: bool = False
    message_count: int = 0
    status: int | None = None
    """None until the headers of the response have been sent."""
    fault: str | None = None
    pieces: int = 0
    """Pieces of reasoning and text that were streamed."""
    ended_at: str | None = None
    aborted_by_client: bool = False


class RequestLog:
    """The last `capacity` requests, oldest first."""

    def __init__(self, *, capacity: int = 2000, clock: Callable[[], float] = time.time) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=capacity)
        self._clock = clock
        self._count = 0

    def add(self, vendor: Vendor) -> LoggedRequest:
        """Record the arrival of a request."""
        self._count += 1
        entry = LoggedRequest(number=self._count, vendor=vendor, asked_at=self._now())
        self._entries.append(entry)
        return entry

    def finish(self, entry: LoggedRequest) -> None:
        """Record the end of the work for a request."""
        entry.ended_at = self._now()

    def list_after(self, number: int = 0) -> list[dict[str, JsonValue]]:
        """Return the requests with a greater number."""
        return [asdict(entry) for entry in self._entries if entry.number > number]

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="microseconds")
