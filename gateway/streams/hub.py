"""The hub: a feed for each watched task, shared by all its watchers in this process."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from gateway.streams.cursor import Cursor
from gateway.streams.feed import Feed
from gateway.streams.updates import News
from protocol.bus import Bus
from protocol.store.queue import QueueStore
from protocol.topics import result_topic


class Watcher:
    """One reader of a feed, with a place of its own."""

    def __init__(self, feed: Feed, cursor: Cursor) -> None:
        self.cursor = cursor
        self._feed = feed
        self._version = -1

    async def news(self, *, within: float) -> list[News]:
        """Wait for something new; an empty list after `within` seconds without any."""
        return [item for item, _ in await self.placed_news(within=within)]

    async def placed_news(self, *, within: float) -> list[tuple[News, str]]:
        """Wait as `news` does, and return each item with the cursor that follows it."""
        clock = asyncio.get_running_loop().time
        until = clock() + within
        while True:
            self._version = await self._feed.change.wait(self._version, within=until - clock())
            found = [(item, str(self.cursor)) for item in self._feed.news(self.cursor)]
            if found or clock() >= until:
                return found


class Hub:
    """Use it within `async with`, on one loop. Feeds begin and end with their watchers."""

    def __init__(self, *, store: QueueStore, bus: Bus, poll: timedelta) -> None:
        self._store = store
        self._bus = bus
        self._poll = poll
        self._feeds: dict[UUID, tuple[Feed, asyncio.Task[None]]] = {}
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _, running in self._feeds.values():
            running.cancel()
        await self._group.__aexit__(kind, error, trace)

    @property
    def watchers(self) -> int:
        """How many watch now."""
        return sum(feed.watchers for feed, _ in self._feeds.values())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what must outlive the request that asks for it. It may not raise."""
        self._group.create_task(work)

    @asynccontextmanager
    async def watch(self, task_id: UUID, cursor: Cursor | None = None) -> AsyncIterator[Watcher]:
        """Watch a task from `cursor` on; one that is yet to be inserted may be watched too."""
        feed = self._feed(task_id)
        feed.watchers += 1
        try:
            yield Watcher(feed, cursor or Cursor())
        finally:
            feed.watchers -= 1
            if feed.watchers == 0:
                _, running = self._feeds.pop(task_id)
                running.cancel()

    def _feed(self, task_id: UUID) -> Feed:
        known = self._feeds.get(task_id)
        if known is not None:
            return known[0]
        feed = Feed(task_id, store=self._store, poll=self._poll)
        self._feeds[task_id] = feed, self._group.create_task(self._run(feed), name="feed")
        return feed

    async def _run(self, feed: Feed) -> None:
        async with self._bus.listen(result_topic(feed.task_id), feed.hear, on_ready=feed.ring):
            await feed.run()
