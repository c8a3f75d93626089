"""Server-sent events from bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html).

The SDKs decode each event into typed models, which is where they spend their time; we read the
bytes that they hand out and look only at what we use.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["LONGEST_EVENT", "Decoder", "EventTooLong", "ServerSentEvent"]

LONGEST_EVENT: Final = 16 * 1024 * 1024
"""Bytes. No vendor sends a thousandth of it."""
_MARK: Final = b"\xef\xbb\xbf"


class EventTooLong(ValueError):
    """The event is longer than `LONGEST_EVENT`."""


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event; `name` is empty for the default kind."""

    name: str
    data: bytes


class Decoder:
    """Turns chunks of any size into events. One per response.

    Works on bytes, so that a character or a line end may be split anywhere, and only at CR and
    LF: `str.splitlines` would also cut at U+2028, which JSON may contain. Every byte is looked at
    once, however long a line is and however many chunks it comes in.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        """The pieces of the line that is not yet whole."""
        self._held = 0
        """Bytes of that line and of the event so far."""
        self._begun = False
        self._after_cr = False
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that this chunk completes.

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
                self._field(line)
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

    def _field(self, line: bytes) -> None:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_MARK)
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
