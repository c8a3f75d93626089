"""Pushes that wait for one channel."""

import asyncio

from embedded.realtime.frames import Push


class Mailbox:
    """A queue; each push in it takes room that all channels of a socket share.

    Whoever puts has acquired the room before; taking a push gives it back.
    """

    def __init__(self, room: asyncio.Semaphore) -> None:
        self._room = room
        self._pushes: asyncio.Queue[Push] = asyncio.Queue()

    def put(self, push: Push) -> None:
        """Add a push at the end."""
        self._pushes.put_nowait(push)

    async def take(self) -> Push:
        """Wait for the next push."""
        push = await self._pushes.get()
        self._room.release()
        return push

    def take_all(self) -> list[Push]:
        """Take what is there, without waiting."""
        pushes = [self._pushes.get_nowait() for _ in range(self._pushes.qsize())]
        for _ in pushes:
            self._room.release()
        return pushes
