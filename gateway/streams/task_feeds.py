"""Feeds of tasks: one for each watched task, shared by all its watchers in this process.

A feed reads the rows of its task when a message arrives or a poll is due, and passes rows and live
text to a `protocol.transcript.Transcript`, which assembles the text. It keeps the history of the
task instead of a queue for each watcher: a slow watcher gets larger pieces later, and more watchers
cause no more work for the database or Realtime.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, Generic, TypeVar
from uuid import UUID

from loguru import logger

from gateway.streams.cursor import Cursor, TreeCursor
from gateway.streams.shared import SharedRunners, VersionedEvent
from protocol.bus import Bus
from protocol.errors import CogoError, MalformedMessage
from protocol.lifecycle import SubtaskState
from protocol.messages import Envelope
from protocol.records import Event, SelectionRow, Subtask, Task
from protocol.store.queue import QueueStore
from protocol.topics import result_topic
from protocol.transcript import (
    ChildBegan,
    TaskEnded,
    TaskUpdate,
    Transcript,
    calls_tools,
    read_live,
)

_C = TypeVar("_C", Cursor, TreeCursor)

LIVE_ROUNDS: Final = 5
"""While live text arrives, Realtime works, so only every fifth poll reads the rows."""


class TaskFeed:
    """The state of one watched task. Runs while it has watchers."""

    def __init__(self, task_id: UUID, *, store: QueueStore, bus: Bus, poll: timedelta) -> None:
        self.changed = VersionedEvent()
        self._task_id = task_id
        self._store = store
        self._bus = bus
        self._poll = poll.total_seconds()
        self._events: list[Event] = []
        self._selections: list[SelectionRow] = []
        self._transcript = Transcript(task_id)
        self._end: Task | None = None
        self._children: dict[UUID, ChildBegan] = {}
        self._reading = asyncio.Lock()
        self._has_live_text = False
        self._is_running = False
        self._is_store_unavailable = False
        self._failure: Exception | None = None
        self._wake = asyncio.Event()

    @property
    def children(self) -> list[ChildBegan]:
        """The child tasks that are known, the oldest first."""
        return list(self._children.values())

    async def run(self) -> None:
        """Follow the task until cancelled."""
        topic = result_topic(self._task_id)
        async with self._bus.listen(topic, self._handle_message, on_ready=self._wake.set):
            try:
                while True:
                    await self.refresh()
                    await self._wait()
            except Exception as error:
                logger.exception("a feed failed", task_id=str(self._task_id))
                self._failure = error
                self.changed.notify()

    def read(self, cursor: Cursor) -> Iterator[TaskUpdate]:
        """Yield the updates after `cursor`, advancing it past each before it is yielded.

        Raise the error that ended the feed, if any.
        """
        if self._failure is not None:
            raise self._failure
        for event in self._events:
            if event.seq > cursor.seq:
                cursor.seq, cursor.has_ended = event.seq, False
                yield event
        for selection in self._selections[cursor.selections :]:
            cursor.selections += 1
            yield selection
        yield from self._transcript.read(cursor.positions)
        if self._end is not None:
            cursor.has_ended = True
            yield TaskEnded(self._end)

    def _handle_message(self, message: Envelope) -> None:
        """Apply live text at once; for any other message read the rows soon."""
        try:
            live = read_live(message)
        except MalformedMessage:
            return  # the channel has logged it
        if live is None:
            self._wake.set()
            return
        if live.attempt > self._transcript.get_attempt(live.subtask_id):
            self._wake.set()  # no message says that an attempt has begun, and with which model
        self._has_live_text = True
        self._transcript.apply_live(live)
        self.changed.notify()

    async def _wait(self) -> None:
        for _ in range(LIVE_ROUNDS):
            if await self._wait_for_wake() or not self._has_live_text or self._transcript.has_gap:
                break
            self._has_live_text = False
        self._wake.clear()

    async def _wait_for_wake(self) -> bool:
        """Wait for a message; return False if none arrived before the next poll."""
        try:
            # A task that has ended is not polled: only a redrive reopens it, and sends a message.
            async with asyncio.timeout(None if self._end is not None else self._poll):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    async def refresh(self) -> None:
        """Read the rows now; if they cannot be read, log it."""
        try:
            async with self._reading:
                await self._read_rows()
        except CogoError as error:
            if not self._is_store_unavailable:
                logger.warning("a watched task cannot be read now", error=str(error))
            self._is_store_unavailable = True
        else:
            self._is_store_unavailable = False

    async def _read_rows(self) -> None:
        after = self._events[-1].seq if self._events else 0
        events = await self._store.fetch_events(task_id=self._task_id, after=after)
        # Rows are read after events, so that they are never older.
        if any(each.subtask_id for each in events) or self._needs_checkpoints():
            rows = await self._store.fetch_subtasks(task_id=self._task_id)
            selections = await self._store.fetch_selections(task_id=self._task_id)
            self._selections += selections[len(self._selections) :]
            self._is_running = any(each.status is SubtaskState.RUNNING for each in rows)
            for row in rows:
                self._transcript.apply_row(row)
                await self._read_turns(row)
                self._keep_child(row)
        self._has_live_text = False
        known = [*self._events, *events]
        latest = next((each for each in reversed(known) if each.kind.startswith("task.")), None)
        if latest is None or not latest.ends_task:
            self._end = None
        elif events or self._end is None:
            self._end = await self._store.fetch_task(task_id=self._task_id)
        self._events = known
        self.changed.notify()

    async def _read_turns(self, row: Subtask) -> None:
        if calls_tools(row):
            after = self._transcript.get_last_stored(row.id)
            lines = await self._store.fetch_turn_lines(subtask_id=row.id, after=after)
            self._transcript.apply_turns(row, lines)

    def _keep_child(self, row: Subtask) -> None:
        if row.child_task_id is not None:
            self._children[row.child_task_id] = ChildBegan(
                task_id=self._task_id,
                subtask_id=row.id,
                key=row.key,
                child_task_id=row.child_task_id,
            )

    def _needs_checkpoints(self) -> bool:
        """Return whether rows may hold text that Realtime did not deliver."""
        return self._transcript.has_gap or (self._is_running and not self._has_live_text)


class UpdateWatcher(ABC, Generic[_C]):
    """A reader of updates, at its own cursor."""

    def __init__(self, changed: VersionedEvent, cursor: _C) -> None:
        self.cursor: _C = cursor
        self._changed = changed
        self._version = -1

    async def next_updates(self, *, within: float) -> list[TaskUpdate]:
        """Wait for updates; return an empty list after `within` seconds without any."""
        return [update for update, _ in await self.next_with_cursors(within=within)]

    async def next_with_cursors(self, *, within: float) -> list[tuple[TaskUpdate, str]]:
        """Wait as `next_updates` does; return each update with the cursor that follows it."""
        clock = asyncio.get_running_loop().time
        until = clock() + within
        while True:
            self._version = await self._changed.wait(self._version, within=until - clock())
            found = [(update, str(self.cursor)) async for update in self._read()]
            if found or clock() >= until:
                return found

    @abstractmethod
    def _read(self) -> AsyncIterator[TaskUpdate]:
        """Yield the updates after the cursor, advancing it past each before it is yielded."""


class TaskWatcher(UpdateWatcher[Cursor]):
    """A reader of a feed."""

    def __init__(self, feed: TaskFeed, cursor: Cursor) -> None:
        super().__init__(feed.changed, cursor)
        self._feed = feed

    async def _read(self) -> AsyncIterator[TaskUpdate]:
        for update in self._feed.read(self.cursor):
            yield update


class TaskFeeds(SharedRunners[UUID, TaskFeed]):
    """The feeds of all watched tasks. Use it within `async with`, on one loop."""

    def __init__(self, *, store: QueueStore, bus: Bus, poll: timedelta) -> None:
        super().__init__(lambda task_id: TaskFeed(task_id, store=store, bus=bus, poll=poll))

    @asynccontextmanager
    async def watch(
        self, task_id: UUID, cursor: Cursor | None = None
    ) -> AsyncIterator[TaskWatcher]:
        """Watch a task from `cursor` on. The task need not exist yet."""
        async with self.share(task_id) as feed:
            yield TaskWatcher(feed, cursor or Cursor())
