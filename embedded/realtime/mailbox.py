"""Pushes that wait for one channel."""

import asyncio

from embedded.realtime.wire.frames import Push


class Mailbox:
    """A queue; each push in it takes room that all channels of a socket share.

    Whoever puts has acquired the room before; taking a push gives it back.
    """

    def __init__(self, room: asyncio.Semaphore) -> None:
        self._room = room
        self._pushes: asyncio.Queue[Push | None] = asyncio.Queue()

    def __bool__(self) -> bool:
        """Whether taking would not wait."""
        return not self._pushes.empty()

    def put(self, push: Push) -> None:
        """Add a push at the end."""
        self._pushes.put_nowait(push)

    def wake(self) -> None:
        """Let the one who takes look up, once it has taken what is there now."""
        self._pushes.put_nowait(None)

    async def take(self) -> Push | None:
        """Wait for the next push; None is no push but a call to look up."""
        push = await self._pushes.get()
        if push is not None:
            self._room.release()
        return push

    def take_all(self) -> list[Push]:
        """Take what is there, without waiting."""
        found = [self._pushes.get_nowait() for _ in range(self._pushes.qsize())]
        pushes = [push for push in found if push is not None]
        for _ in pushes:
            self._room.release()
        return pushes
