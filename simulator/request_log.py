"""What the simulator was asked, for tests and benchmarks; never a key, never a prompt."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from simulator.request import Question, Vendor


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request. It is filled in while the request is served."""

    number: int
    """Counts from 1 and never repeats within a process."""
    vendor: Vendor
    asked_at: str
    """When its headers were read; ISO 8601, UTC, microseconds."""
    model: str = ""
    stream: bool = False
    message_count: int = 0
    status: int | None = None
    """Null until the headers of the answer have been sent."""
    fault: str | None = None
    pieces: int = 0
    """Pieces of reasoning and text that were streamed."""
    ended_at: str | None = None
    aborted_by_client: bool = False

    def describe(self, question: Question) -> None:
        """Note what the request turned out to ask for."""
        self.model = question.model
        self.stream = question.stream
        self.message_count = question.message_count


class Journal:
    """The last `capacity` requests, oldest first."""

    def __init__(self, *, capacity: int = 2000, clock: Callable[[], float] = time.time) -> None:
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._clock = clock
        self._count = 0

    def open(self, vendor: Vendor) -> Entry:
        """Record that a request has arrived."""
        self._count += 1
        entry = Entry(number=self._count, vendor=vendor, asked_at=self._now())
        self._entries.append(entry)
        return entry

    def close(self, entry: Entry) -> None:
        """Record that nothing more will be done for a request."""
        entry.ended_at = self._now()

    def listing(self, *, after: int = 0) -> list[dict[str, JsonValue]]:
        """Return the requests whose number is greater than `after`."""
        return [asdict(entry) for entry in self._entries if entry.number > after]

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="microseconds")
