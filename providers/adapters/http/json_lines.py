"""Lines of JSON from bytes, as Ollama streams them (application/x-ndjson)."""

from providers.adapters.http.sse import LONGEST_EVENT, EventTooLong, ServerSentEvent


class LineDecoder:
    """Splits chunks of any size into lines. One per response.

    Only LF ends a line, since JSON may contain U+2028 and the like. Every byte is read once.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        """The pieces of the incomplete line."""
        self._held = 0

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Return the lines that this chunk completes; blank ones are skipped.

        Raises:
            EventTooLong: one of them takes too much memory.
        """
        *ends, rest = chunk.split(b"\n")
        events = []
        for end in ends:
            self._hold(end)
            events += self.flush()
        self._hold(rest)
        return events

    def flush(self) -> list[ServerSentEvent]:
        """Return the line so far, which nothing needs to end at the end of a response."""
        line = b"".join(self._line).strip()
        self._line, self._held = [], 0
        return [ServerSentEvent("", line)] if line else []

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held > LONGEST_EVENT:
            raise EventTooLong(f"more than {LONGEST_EVENT} bytes")
        if piece:
            self._line.append(piece)
