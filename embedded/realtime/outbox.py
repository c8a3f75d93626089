"""Frames that wait to be written to one socket."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable


class Outbox:
    """A bounded queue: those who fill it never wait, and a reader too slow loses the socket."""

    def __init__(
        self, *, most_frames: int, most_bytes: int, on_overflow: Callable[[], None]
    ) -> None:
        self._most_frames = most_frames
        self._most_bytes = most_bytes
        self._on_overflow = on_overflow
        self._frames: deque[str | bytes] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._has_overflown = False

    def put(self, frame: str | bytes) -> None:
        """Queue a frame; after an overflow, which is told once, frames are dropped."""
        if self._has_overflown:
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        self._filled.set()
        if len(self._frames) > self._most_frames or self._bytes > self._most_bytes:
            self._has_overflown = True
            self._frames.clear()
            self._on_overflow()

    async def frames(self) -> AsyncIterator[str | bytes]:
        """Give the frames in order, for as long as the caller asks."""
        while True:
            while self._frames:
                frame = self._frames.popleft()
                self._bytes -= len(frame)
                yield frame
            self._filled.clear()
            await self._filled.wait()
