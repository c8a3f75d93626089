"""Follow tasks to their ends: the history from the database, the text from the channel."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from uuid import UUID

from protocol.bus import Bus
from protocol.errors import MalformedMessage, StoreUnavailable
from protocol.lanes import is_model_lane
from protocol.messages import Envelope
from protocol.records import Event, SelectionRow
from protocol.store.queue import QueueStore
from protocol.topics import result_topic
from protocol.transcript import (
    ReadPosition,
    TaskEnded,
    TaskUpdate,
    Transcript,
    calls_tools,
    read_live,
)

POLL_SECONDS = 0.5


async def follow(
    task_ids: Sequence[UUID], *, store: QueueStore, bus: Bus, poll: float = POLL_SECONDS
) -> AsyncGenerator[TaskUpdate, None]:
    """Yield updates of the tasks until each has ended.

    Events come from the database, complete and in order, whether Realtime works or not. Text comes
    from the channel; a lost piece is read from the row's checkpoint. The text of an attempt comes
    after the event that begins the attempt and before the one that ends it. A store that is
    unavailable is polled until it answers.
    """
    follower = _Follower(task_ids, store=store)
    async with AsyncExitStack() as stack:
        for task_id in task_ids:
            listening = bus.listen(
                result_topic(task_id), follower.handle_message, on_ready=follower.wake
            )
            await stack.enter_async_context(listening)
        updates = follower.run(poll)
        async with aclosing(updates):
            async for update in updates:
                yield update


class _FollowedTask:
    def __init__(self, task_id: UUID) -> None:
        self.id = task_id
        self.seq = 0
        self.selections: set[UUID] = set()
        self.transcript = Transcript(task_id)
        self._positions: dict[UUID, ReadPosition] = {}

    def read_text(self) -> Iterator[TaskUpdate]:
        yield from self.transcript.read(self._positions)

    def read_text_before(self, event: Event) -> Iterator[TaskUpdate]:
        """Yield the text of the attempt that the event ends."""
        subtask_id = event.subtask_id
        if subtask_id is None or event.kind == "subtask.running":
            return
        if self.transcript.get_attempt(subtask_id) <= (event.attempt or 0):
            yield from self.transcript.read_subtask(subtask_id, self._positions)


class _Follower:
    def __init__(self, task_ids: Sequence[UUID], *, store: QueueStore) -> None:
        self._store = store
        self._open = {task_id: _FollowedTask(task_id) for task_id in sorted(task_ids, key=str)}
        self._has_text = False
        self._has_new_attempt = False
        """An attempt has its first text, and the event that begins it comes first."""
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    def handle_message(self, message: Envelope) -> None:
        try:
            live = read_live(message)
        except MalformedMessage:
            return  # the channel has logged it
        if live is not None and (task := self._open.get(live.task_id)) is not None:
            if live.attempt > task.transcript.get_attempt(live.subtask_id):
                self._has_new_attempt = True
            task.transcript.apply_live(live)
            self._has_text = True
        self._woken.set()

    async def run(self, poll: float) -> AsyncGenerator[TaskUpdate, None]:
        polled_at = 0.0
        clock = asyncio.get_running_loop().time
        while self._open:
            if self._has_new_attempt or not self._has_text or clock() - polled_at > poll:
                polled_at = clock()
                self._has_new_attempt = False
                for task in list(self._open.values()):
                    async for update in self._read_history(task):
                        yield update
            self._has_text = False
            for task in self._open.values():
                for update in task.read_text():
                    yield update
            if self._open and not self._has_text:
                await self._wait(poll)

    async def _wait(self, poll: float) -> None:
        try:
            async with asyncio.timeout(poll):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    async def _read_rows(self, task: _FollowedTask) -> None:
        """Read what messages have not brought: text, and what models did before the first one."""
        transcript, has_gap = task.transcript, task.transcript.has_gap
        for row in await self._store.fetch_subtasks(task_id=task.id):
            has_tools = calls_tools(row)
            if has_gap or has_tools:
                transcript.apply_row(row)
            if has_tools:
                after = transcript.get_last_stored(row.id)
                lines = await self._store.fetch_turn_lines(subtask_id=row.id, after=after)
                transcript.apply_turns(row, lines)

    async def _read_history(self, task: _FollowedTask) -> AsyncIterator[TaskUpdate]:
        try:
            events = await self._store.fetch_events(task_id=task.id, after=task.seq)
            has_ended = any(event.ends_task for event in events)
            has_selections = any(map(_follows_selection, events))
            selections = (
                await self._store.fetch_selections(task_id=task.id) if has_selections else []
            )
            # A task that waits in a tool loop says nothing more by messages.
            is_waiting = any(event.kind == "subtask.waiting" for event in events)
            if task.transcript.has_gap or has_ended or is_waiting:
                await self._read_rows(task)
            ended = await self._store.fetch_task(task_id=task.id) if has_ended else None
        except StoreUnavailable:
            return  # the rows can be read later
        new_selections = [each for each in selections if each.id not in task.selections]
        for event in events:
            task.seq = event.seq
            for update in task.read_text_before(event):
                yield update
            yield event
            for selection in _take_selections(new_selections, event):
                task.selections.add(selection.id)
                yield selection
        if ended is not None:
            for update in task.read_text():
                yield update
            del self._open[task.id]
            yield TaskEnded(ended)


def _take_selections(selections: list[SelectionRow], event: Event) -> list[SelectionRow]:
    """Remove and return the selections for the subtask that an event queues."""
    if not _follows_selection(event):
        return []
    taken = [each for each in selections if each.subtask_id in {None, event.subtask_id}]
    selections[:] = [each for each in selections if each not in taken]
    return taken


def _follows_selection(event: Event) -> bool:
    return event.kind == "subtask.queued" and is_model_lane(str(event.detail.get("lane")))
