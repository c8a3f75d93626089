"""A change that many wait for: a version that grows, and a wait for a newer one."""

import asyncio


class Change:
    """Used on one loop. Nobody who asks with the version that they have seen misses one."""

    def __init__(self) -> None:
        self._version = 0
        self._next = asyncio.Event()

    def tell(self) -> None:
        """Wake all who wait."""
        self._version += 1
        happened, self._next = self._next, asyncio.Event()
        happened.set()

    async def wait(self, seen: int, *, within: float) -> int:
        """Wait until there is something newer than version `seen`, or for so many seconds."""
        change = self._next
        if self._version == seen:
            try:
                async with asyncio.timeout(within):
                    await change.wait()
            except TimeoutError:
                pass
        return self._version
