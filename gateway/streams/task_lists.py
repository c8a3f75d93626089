"""Lists of tasks: one for each visibility, shared by its watchers and read while watched.

A list is a state, not a history: a watcher that reconnects gets the current list.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from loguru import logger

from gateway.auth.principal import Principal
from gateway.streams.shared import SharedRunners, VersionedEvent
from protocol.bus import Bus
from protocol.errors import CogoError
from protocol.records import TaskLine, Visibility
from protocol.store.gateway import GatewayStore
from protocol.topics import RESULTS, TASKS

MAX_LINES: Final = 100
"""Limit for the newest tasks, and separately for the unfinished ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskListUpdate:
    """The whole list, or the lines that are new or changed."""

    lines: list[TaskLine]
    is_whole: bool
    digest: str
    """Digest of the list that the watcher has now."""


class TaskList:
    """The list of those who see the same. Runs while it has watchers."""

    def __init__(
        self, visible: Visibility, *, store: GatewayStore, bus: Bus, poll: timedelta
    ) -> None:
        self.changed = VersionedEvent()
        self.lines: Mapping[UUID, TaskLine] | None = None
        """By id, newest first; None until they are read."""
        self.digest = ""
        self._visible = visible
        self._store = store
        self._bus = bus
        self._poll = poll.total_seconds()
        self._wake = asyncio.Event()
        self._is_store_unavailable = False

    async def run(self) -> None:
        """Follow the list until cancelled. While the store is unavailable, it stays unchanged."""
        wake = self._wake.set
        async with (
            self._bus.listen(TASKS, lambda _message: wake(), on_ready=wake),
            self._bus.listen(RESULTS, lambda _message: wake(), on_ready=wake),
        ):
            while True:
                await self._read_or_log()
                try:
                    async with asyncio.timeout(self._poll):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()

    async def _read_or_log(self) -> None:
        try:
            found = await self._store.fetch_lines(limit=MAX_LINES, visible=self._visible)
        except CogoError as error:
            if not self._is_store_unavailable:
                logger.warning("the list of tasks cannot be read now", error=str(error))
            self._is_store_unavailable = True
            return
        self._is_store_unavailable = False
        digest = hash_lines(found)
        if digest != self.digest:
            self.lines, self.digest = {each.id: each for each in found}, digest
            self.changed.notify()


class TaskListWatcher:
    """A reader of a list that has already seen the version with `digest`."""

    def __init__(self, tasks: TaskList, digest: str) -> None:
        self._tasks = tasks
        self._digest = digest
        self._known: Mapping[UUID, TaskLine] | None = None
        self._version = -1

    async def next_update(self, *, within: float) -> TaskListUpdate | None:
        """Wait for a list that differs from the one seen; None after `within` seconds."""
        clock = asyncio.get_running_loop().time
        until = clock() + within
        while True:
            self._version = await self._tasks.changed.wait(self._version, within=until - clock())
            lines, digest = self._tasks.lines, self._tasks.digest
            if lines is not None and digest != self._digest:
                break
            if lines is not None and self._known is None:
                self._known = lines
            if clock() >= until:
                return None
        known, self._known, self._digest = self._known, lines, digest
        if known is None:
            return TaskListUpdate(lines=list(lines.values()), is_whole=True, digest=digest)
        changed = [each for each in lines.values() if known.get(each.id) != each]
        return TaskListUpdate(lines=changed, is_whole=False, digest=digest)


class TaskLists(SharedRunners[Visibility, TaskList]):
    """The lists of all who watch. Use it within `async with`, on one loop."""

    def __init__(self, *, store: GatewayStore, bus: Bus, poll: timedelta) -> None:
        super().__init__(lambda visible: TaskList(visible, store=store, bus=bus, poll=poll))

    @asynccontextmanager
    async def watch(self, principal: Principal, digest: str = "") -> AsyncIterator[TaskListWatcher]:
        """Watch the tasks that the principal may see, after the version with `digest`."""
        async with self.share(principal.visibility) as found:
            yield TaskListWatcher(found, digest)


def hash_lines(lines: list[TaskLine]) -> str:
    """Return a digest of a list, which is the same at every gateway."""
    hashed = hashlib.sha256()
    for each in lines:
        hashed.update(each.model_dump_json().encode())
    return hashed.hexdigest()[:32]
