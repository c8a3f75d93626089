"""The output of a run: its beginning and its end, however much there is."""

from typing import Final

CUT: Final = b"\n... output was left out here ...\n"


class KeptOutput:
    """The first and the last bytes of a stream, at most `limit` together."""

    def __init__(self, limit: int) -> None:
        self.total = 0
        self._head_size = limit // 2
        self._tail_size = limit - self._head_size
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, data: bytes) -> None:
        """Keep what belongs to the beginning or, until more follows, to the end."""
        self.total += len(data)
        room = self._head_size - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if (surplus := len(self._tail) - self._tail_size) > 0:
            del self._tail[:surplus]

    @property
    def is_cut(self) -> bool:
        """Whether something between the beginning and the end was dropped."""
        return self.total > self._head_size + self._tail_size

    def join(self) -> bytes:
        """Return what was kept, with a line where something is missing."""
        return bytes(self._head) + (CUT if self.is_cut else b"") + bytes(self._tail)
