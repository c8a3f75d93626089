"""The gateway of a fleet, which is started again at once when it dies."""

import asyncio
import os
import signal
from contextlib import suppress
from typing import Final

from cogo.errors import ChildFailed
from cogo.process.bootstrap import AgentBootstrap
from cogo.supervisor.child import Child, Spec

_BEGINNING: Final = 20.0
"""Seconds in which it starts and its clients have found it."""


class MortalGateway:
    """Keeps a gateway running, without the pauses after deaths in a row that a supervisor makes."""

    def __init__(self, spec: Spec, bootstrap: AgentBootstrap) -> None:
        self._spec = spec
        self._bootstrap = bootstrap
        self._child: Child | None = None
        self.url = ""
        """Where it listens; not always on the same port."""
        self.ready = asyncio.Event()
        self.readers = 0
        """Clients that read an answer now."""
        self._read = asyncio.Condition()

    async def run(self) -> None:
        """Run it until cancelled."""
        while True:
            try:
                async with Child(self._spec) as child:
                    child.send_line(self._bootstrap.to_line())
                    self.url = str((await child.wait_ready())["url"])
                    self._child = child
                    self.ready.set()
                    await child.wait()
            except ChildFailed:  # it was killed before it was ready
                continue
            finally:
                self._child = None
                self.ready.clear()

    async def kill(self) -> bool:
        """Kill it while an answer is read, and wait until it is there again and is read again.

        False if nobody reads, as at the end of an answer.
        """
        if not await self._wait_until_read() or (child := self._child) is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        self.ready.clear()
        await self._wait_until_read()
        return True

    async def note_readers(self, change: int) -> None:
        """Count a client that has begun to read, or has stopped."""
        async with self._read:
            self.readers += change
            self._read.notify_all()

    async def _wait_until_read(self) -> bool:
        try:
            async with asyncio.timeout(_BEGINNING):
                await self.ready.wait()
                async with self._read:
                    await self._read.wait_for(lambda: self.readers > 0)
        except TimeoutError:
            return False
        return True
