"""Server-sent events from bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html).

The SDKs decode each event into typed models, which takes most of their time. This decoder reads the
bytes of the SDK's response instead, and adapters look only at the fields they use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

LONGEST_EVENT: Final = 16 * 1024 * 1024
"""Bytes; over a thousand times the longest event of any vendor."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class EventTooLong(ValueError):
    """The event is longer than `LONGEST_EVENT`."""


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event; `name` is empty for the default type."""

    name: str
    data: bytes


class Decoder:
    """Splits chunks of any size into events. One per response.

    It works on bytes, so a character or line end may be split between chunks. Lines only end at CR
    and LF: `str.splitlines` would also split at U+2028, which JSON may contain. Every byte is read
    once, regardless of the lengths of lines and chunks.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        """The pieces of the incomplete line."""
        self._held = 0
        """Bytes of that line and of the event so far."""
        self._begun = False
        self._after_cr = False
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Return the events that this chunk completes.

        Raises:
            EventTooLong: one of them takes too much memory.
        """
        if self._after_cr:  # the CR has ended the line already
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = not chunk
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *ends, rest = chunk.split(b"\n")
        events = []
        for end in ends:
            self._hold(end)
            line = b"".join(self._line)
            self._line = []
            if line:
                self._read_field(line)
            else:
                if self._data:
                    events.append(ServerSentEvent(self._name, b"\n".join(self._data)))
                self._name, self._data = "", []
            if not self._data:
                self._held = 0
        self._hold(rest)
        return events

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held > LONGEST_EVENT:
            raise EventTooLong(f"more than {LONGEST_EVENT} bytes")
        if piece:
            self._line.append(piece)

    def _read_field(self, line: bytes) -> None:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BYTE_ORDER_MARK)
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")


RawEventListener: TypeAlias = Callable[[str, str], None]
"""Called with the vendor and the data of one event: the model's output, never a key."""

_listener: RawEventListener | None = None


def set_raw_event_listener(listener: RawEventListener | None) -> None:
    """Pass every event of every new stream of this process to `listener`, for debugging."""
    global _listener  # noqa: PLW0603  a switch of the process, like a log level
    _listener = listener


def get_raw_event_listener() -> RawEventListener | None:
    """Return the current listener."""
    return _listener
