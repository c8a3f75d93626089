"""Server-sent events from bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html).

The SDKs decode each event into typed models, which is where they spend their time; we read the
bytes that they hand out and look only at what we use.
"""

from dataclasses import dataclass

__all__ = ["Decoder", "ServerSentEvent"]


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event; `name` is empty for the default kind."""

    name: str
    data: bytes


class Decoder:
    """Turns chunks of any size into events. One per response.

    Works on bytes, so that a character or a line end may be split anywhere, and only at CR and
    LF: `str.splitlines` would also cut at U+2028, which JSON may contain.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that this chunk completes."""
        self._buffer += chunk
        if b"\r" in self._buffer:
            # A CR at the very end may be half of a CRLF: it waits for the next chunk.
            tail = b"\r" if self._buffer.endswith(b"\r") else b""
            body = self._buffer[: len(self._buffer) - len(tail)]
            self._buffer = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + tail
        *lines, self._buffer = self._buffer.split(b"\n")
        events = []
        for line in lines:
            if line:
                self._field(line)
            elif self._data:
                events.append(ServerSentEvent(self._name, b"\n".join(self._data)))
                self._name, self._data = "", []
        return events

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
