"""The keeper of one child: starts it again when it dies, until it is told to let go."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any, Final

from loguru import logger
from pydantic import JsonValue

from cogo.errors import ChildFailed
from cogo.supervisor.child import Child, Spec
from cogo.supervisor.process import Forker
from protocol.backoff import compute_backoff

_HEALTHY_AFTER: Final = timedelta(seconds=5)
"""A process that worked so long has earned an immediate restart again."""
_LOOK_EVERY: Final = timedelta(milliseconds=250)
_STILL_LOOKS: Final = 6
"""A process that stands still at so many looks in a row is killed: others could work."""


def pause_before_restart(deaths: int, *, share: float) -> timedelta:
    """Give the pause after `deaths` deaths in a row; `share` in [0, 1) is the jitter."""
    pause = compute_backoff(deaths, first=0.2, longest=10)
    return timedelta(seconds=pause * (0.5 + share / 2))


class Keeper:
    """Keeps one child running. `ready` is set while the child says that it is ready."""

    def __init__(
        self,
        make_spec: Callable[[], Spec],
        *,
        greeting: Callable[[], Awaitable[Mapping[str, JsonValue]]] | None = None,
        on_death: Callable[[Spec], Coroutine[Any, Any, None]] | None = None,
        forker: Forker | None = None,
    ) -> None:
        """Keep what `make_spec` describes; it is asked anew before each start.

        `greeting` gives the child's line of standard input, and may take its time. `on_death` runs
        after a death that nobody asked for, while the next life begins. Each process is one of
        `forker`, if that gives one.
        """
        self._make_spec = make_spec
        self._greeting = greeting
        self._on_death = on_death
        self._forker = forker
        self._let_go = asyncio.Event()
        self._child: Child | None = None
        self._was_ready = False
        self._worked_from = 0.0
        self.ready = asyncio.Event()
        self.answer: dict[str, JsonValue] = {}
        """What the child said when it was ready."""
        self.tolerates_still = False
        """Leave a child that was stopped (SIGSTOP) alone: somebody looks at it."""

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
        failure: ChildFailed | None = None
        async with asyncio.TaskGroup() as mourning:
            try:
                await self._keep(mourning)
            except ChildFailed as error:
                failure = error  # bare, not in a group
        if failure is not None:
            raise failure

    async def _keep(self, mourning: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        deaths = 0
        while not self._let_go.is_set():
            spec = self._make_spec()
            self._worked_from = loop.time()
            code = await self._run_once(spec)
            if self._let_go.is_set():
                return
            worked = timedelta(seconds=loop.time() - self._worked_from)
            deaths = 1 if worked > _HEALTHY_AFTER else deaths + 1
            logger.warning("a process died", process=spec.name, code=code, log=str(spec.log))
            if self._on_death is not None:
                mourning.create_task(self._on_death(spec), name=f"after {spec.name}")
            await self._pause(pause_before_restart(deaths, share=random.random()))  # noqa: S311 - jitter

    async def _run_once(self, spec: Spec) -> int:
        try:
            async with Child(spec, forker=self._forker) as self._child:
                return 0 if self._let_go.is_set() else await self._live_guarded(self._child)
        except ChildFailed:
            # The first time it is a mistake that a person must mend; later it may pass.
            if not self._was_ready and not self._let_go.is_set():
                raise
            return 1
        finally:
            self._child = None
            self.ready.clear()

    async def _live_guarded(self, child: Child) -> int:
        outcome: int | ChildFailed
        async with asyncio.TaskGroup() as group:
            guard = group.create_task(self._guard(child), name="guard")
            try:
                outcome = await self._live(child)
            except ChildFailed as error:
                outcome = error
            guard.cancel()
        if isinstance(outcome, ChildFailed):
            raise outcome
        return outcome

    async def _live(self, child: Child) -> int:
        if self._greeting is not None:
            child.greet(await self._greeting())
        self.answer = await child.ready()
        self._was_ready = True
        self._worked_from = asyncio.get_running_loop().time()
        self.ready.set()
        return await child.wait()

    async def _guard(self, child: Child) -> None:
        """Kill a child that stands still: what it holds would wait for the end of its leases."""
        looks = 0
        while looks < _STILL_LOOKS:
            await asyncio.sleep(_LOOK_EVERY.total_seconds())
            looks = looks + 1 if child.is_still and not self.tolerates_still else 0
        logger.warning("a process stands still and is killed", pid=child.pid)
        child.signal(signal.SIGKILL)

    async def _pause(self, length: timedelta) -> None:
        try:
            async with asyncio.timeout(length.total_seconds()):
                await self._let_go.wait()
        except TimeoutError:
            return
