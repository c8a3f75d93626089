"""The keeper of one child: starts it again when it dies, until it is told to let go."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

from loguru import logger
from pydantic import JsonValue

from cogo.errors import ChildFailed
from cogo.supervision.child import Child, Spec

_FIRST_PAUSE: Final = timedelta(milliseconds=200)
_LONGEST_PAUSE: Final = timedelta(seconds=10)
_HEALTHY_AFTER: Final = timedelta(seconds=30)
"""A process that lived so long has earned an immediate restart again."""


def pause_before_restart(deaths: int, *, share: float) -> timedelta:
    """Give the pause after `deaths` deaths in a row; `share` in [0, 1) is the jitter."""
    doubled: int = 2 ** min(deaths - 1, 16)
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * doubled)
    return longest * (0.5 + share / 2)


class Keeper:
    """Keeps one child running. `ready` is set while the child says that it is ready."""

    def __init__(
        self,
        make_spec: Callable[[], Spec],
        *,
        greeting: Callable[[], Awaitable[Mapping[str, JsonValue]]] | None = None,
        on_death: Callable[[Spec], Awaitable[None]] | None = None,
    ) -> None:
        """Keep what `make_spec` describes; it is asked anew before each start.

        `greeting` gives the child's line of standard input, and may take its time. `on_death` is
        awaited after a death that nobody asked for, before the restart.
        """
        self._make_spec = make_spec
        self._greeting = greeting
        self._on_death = on_death
        self._let_go = asyncio.Event()
        self._child: Child | None = None
        self._was_ready = False
        self.ready = asyncio.Event()
        self.answer: dict[str, JsonValue] = {}
        """What the child said when it was ready."""

    @property
    def pid(self) -> int | None:
        """Process id of the child that runs now."""
        return None if self._child is None else self._child.pid

    def let_go(self) -> None:
        """Ask the child to end and do not start it again; `run` returns when it has ended.

        The first call sends SIGTERM, which drains; later ones send SIGINT, which then cancels. Two
        signals of one kind, sent at once, would arrive as one.
        """
        number = signal.SIGINT if self._let_go.is_set() else signal.SIGTERM
        self._let_go.set()
        if self._child is not None:
            self._child.signal(number)

    async def run(self) -> None:
        """Start the child, and start it again whenever it dies, until `let_go`.

        Raises ChildFailed when it ends before it was ready for the first time.
        """
        loop = asyncio.get_running_loop()
        deaths = 0
        while not self._let_go.is_set():
            spec = self._make_spec()
            started = loop.time()
            code = await self._run_once(spec)
            if self._let_go.is_set():
                return
            lived = timedelta(seconds=loop.time() - started)
            deaths = 1 if lived > _HEALTHY_AFTER else deaths + 1
            logger.warning("a process died", process=spec.name, code=code, log=str(spec.log))
            if self._on_death is not None:
                await self._on_death(spec)
            await self._pause(pause_before_restart(deaths, share=random.random()))  # noqa: S311 - jitter

    async def _run_once(self, spec: Spec) -> int:
        try:
            async with Child(spec) as self._child:
                if self._let_go.is_set():
                    return 0
                if self._greeting is not None:
                    self._child.greet(await self._greeting())
                self.answer = await self._child.ready()
                self._was_ready = True
                self.ready.set()
                return await self._child.wait()
        except ChildFailed:
            # The first time it is a mistake that a person must mend; later it may pass.
            if not self._was_ready and not self._let_go.is_set():
                raise
            return 1
        finally:
            self._child = None
            self.ready.clear()

    async def _pause(self, length: timedelta) -> None:
        try:
            async with asyncio.timeout(length.total_seconds()):
                await self._let_go.wait()
        except TimeoutError:
            return
