"""A child process that is restarted when it dies."""

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
from protocol.backoff import compute_backoff

_HEALTHY_AFTER: Final = timedelta(seconds=5)
"""After a process was ready for this long, its next restart has the shortest pause."""
_CHECK_EVERY: Final = timedelta(milliseconds=250)
_STOPPED_CHECKS: Final = 6
"""A process that is stopped at this many checks in a row is killed, to free its work."""


class RestartingChild:
    """Keeps one child running. `ready` is set while the child is ready."""

    def __init__(
        self,
        build_spec: Callable[[Mapping[str, JsonValue]], Spec],
        *,
        bootstrap: Callable[[], Awaitable[str]] | None = None,
        on_death: Callable[[Spec], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """Create a supervisor; `build_spec` is called before each start, with the last report.

        `bootstrap` returns the line that the child waits for; it may wait itself. `on_death` runs
        after each unexpected death, while the child is restarted.
        """
        self._build_spec = build_spec
        self._bootstrap = bootstrap
        self._on_death = on_death
        self._stopping = asyncio.Event()
        self._child: Child | None = None
        self._was_ready = False
        self._started_at = 0.0
        self.started = asyncio.Event()
        """Set once the first child runs; a fork is complete then."""
        self.ready = asyncio.Event()
        self.report: dict[str, JsonValue] = {}
        """What the last child reported when it was ready; empty before."""
        self.tolerates_stopped = False
        """Do not kill a child that is stopped (SIGSTOP), for example by a debugger."""

    def get_url(self, name: str) -> str | None:
        """Return an address that the child reported; None if there is none."""
        url = self.report.get(name)
        return None if url is None else str(url)

    @property
    def pid(self) -> int | None:
        """Process id of the running child."""
        return None if self._child is None else self._child.pid

    def stop(self) -> None:
        """Stop the child and do not restart it; `run` returns when it has ended.

        The first call sends SIGTERM, which drains; later ones send SIGINT, which then cancels. Two
        pending signals of the same kind would be delivered as one.
        """
        number = signal.SIGINT if self._stopping.is_set() else signal.SIGTERM
        self._stopping.set()
        if self._child is not None:
            self._child.send_signal(number)

    async def run(self) -> None:
        """Start the child, and restart it whenever it dies, until `stop` is called.

        Raises ChildFailed when it ends before it was ready for the first time.
        """
        failure: ChildFailed | None = None
        async with asyncio.TaskGroup() as handlers:
            try:
                await self._keep_running(handlers)
            except ChildFailed as error:
                failure = error  # bare, not in a group
        if failure is not None:
            raise failure

    async def _keep_running(self, handlers: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        deaths = 0
        while not self._stopping.is_set():
            spec = self._build_spec(self.report)
            self._started_at = loop.time()
            child = Child(spec)
            code = await self._run_once(child)
            if self._stopping.is_set():
                return
            worked = timedelta(seconds=loop.time() - self._started_at)
            deaths = 1 if worked > _HEALTHY_AFTER else deaths + 1
            # Killed by a signal, it wrote no reason.
            reason = child.read_last_line() if code > 0 else None
            details = {} if reason is None else {"reason": reason}
            logger.warning(
                "a process died", process=spec.name, code=code, **details, log=str(spec.log)
            )
            if self._on_death is not None:
                handlers.create_task(self._on_death(spec), name=f"after {spec.name}")
            await self._pause(deaths)

    async def _run_once(self, child: Child) -> int:
        try:
            async with child as self._child:
                self.started.set()
                return 0 if self._stopping.is_set() else await self._supervise(child)
        except ChildFailed:
            # At the first start the user must correct something; later the cause may be temporary.
            if not self._was_ready and not self._stopping.is_set():
                raise
            return await child.wait()
        finally:
            self._child = None
            self.ready.clear()

    async def _supervise(self, child: Child) -> int:
        outcome: int | ChildFailed
        async with asyncio.TaskGroup() as group:
            killer = group.create_task(self._kill_if_stopped(child), name="kill if stopped")
            try:
                outcome = await self._follow(child)
            except ChildFailed as error:
                outcome = error
            killer.cancel()
        if isinstance(outcome, ChildFailed):
            raise outcome
        return outcome

    async def _follow(self, child: Child) -> int:
        if self._bootstrap is not None:
            child.send_line(await self._bootstrap())
        self.report = await child.wait_ready()
        self._was_ready = True
        self._started_at = asyncio.get_running_loop().time()
        self.ready.set()
        return await child.wait()

    async def _kill_if_stopped(self, child: Child) -> None:
        """Kill a child that stays stopped, because its work would wait until its leases expire."""
        checks = 0
        while checks < _STOPPED_CHECKS:
            await asyncio.sleep(_CHECK_EVERY.total_seconds())
            checks = checks + 1 if child.is_stopped and not self.tolerates_stopped else 0
        logger.warning("killing a stopped process", pid=child.pid)
        child.send_signal(signal.SIGKILL)

    async def _pause(self, deaths: int) -> None:
        """Pause before a restart: longer after each death in a row, with jitter."""
        longest = compute_backoff(deaths, first=0.2, longest=10)
        seconds = longest * random.uniform(0.5, 1)  # noqa: S311 - jitter
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


async def stop_all(
    tasks: Mapping[RestartingChild, asyncio.Task[None]], *, cancel: asyncio.Event, within: timedelta
) -> None:
    """Stop children and wait for the tasks that run them.

    They drain first, cancel when `cancel` is set, and are killed after `within`.
    """
    if not tasks:
        return

    async def pass_on() -> None:
        await cancel.wait()
        for child in tasks:
            child.stop()

    async with asyncio.TaskGroup() as group:
        cancelling = group.create_task(pass_on(), name="cancel")
        for child in tasks:
            child.stop()
        _, late = await asyncio.wait(tasks.values(), timeout=within.total_seconds())
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        cancelling.cancel()
