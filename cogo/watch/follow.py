"""Follow tasks to their ends: the history from the database, the text from the channel."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID

from protocol.bus import Bus
from protocol.errors import MalformedMessage, StoreUnavailable
from protocol.lanes import is_model_lane
from protocol.messages import Envelope
from protocol.records import Event, SelectionRow
from protocol.store.queue import QueueStore
from protocol.topics import result_topic
from protocol.transcript import (
    ChildBegan,
    ReadPosition,
    TaskEnded,
    TaskUpdate,
    ToolCallUpdate,
    Transcript,
    TranscriptAside,
    TranscriptDelta,
    calls_tools,
    read_live,
)

POLL_SECONDS = 0.5
_Listen: TypeAlias = Callable[[UUID], Awaitable[None]]


async def follow(
    task_ids: Sequence[UUID],
    *,
    store: QueueStore,
    bus: Bus,
    poll: float = POLL_SECONDS,
    with_parts: bool = False,
) -> AsyncGenerator[TaskUpdate, None]:
    """Yield updates of the tasks until each has ended.

    Events come from the database, complete and in order, whether Realtime works or not. Text comes
    from the channel; a lost piece is read from the row's checkpoint. The text of an attempt comes
    after the event that begins the attempt and before the one that ends it. A store that is
    unavailable is polled until it answers. With parts, what steps have said before is among them,
    and so are the updates of child tasks, but for their ends; their text is never the answer.
    """
    async with AsyncExitStack() as stack:

        async def listen(task_id: UUID) -> None:
            listening = bus.listen(
                result_topic(task_id), follower.handle_message, on_ready=follower.wake
            )
            await stack.enter_async_context(listening)

        follower = _Follower(task_ids, store=store, listen=listen if with_parts else None)
        for task_id in task_ids:
            await listen(task_id)
        updates = follower.run(poll)
        async with aclosing(updates):
            async for update in updates:
                yield update


class _FollowedTask:
    def __init__(self, task_id: UUID, root: UUID) -> None:
        self.id = task_id
        self.root = root
        """The task that is followed, which this one is, or is below."""
        self.is_read = False
        """Its history was read since this was set to False."""
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
    def __init__(
        self, task_ids: Sequence[UUID], *, store: QueueStore, listen: _Listen | None
    ) -> None:
        self._store = store
        self._listen = listen
        """Begins to listen to a child task; None: these are not followed."""
        self._open = {each: _FollowedTask(each, each) for each in sorted(task_ids, key=str)}
        self._children: set[UUID] = set()
        """The child tasks that were begun."""
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
                        if isinstance(update, TaskEnded):
                            async for each in self._read_below(task, poll):
                                yield each
                        yield update
            self._has_text = False
            for task in self._open.values():
                for update in task.read_text():
                    yield _set_apart(update, task)
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
            if has_gap or has_tools or self._listen is not None:
                transcript.apply_row(row)
            if has_tools:
                after = transcript.get_last_stored(row.id)
                lines = await self._store.fetch_turn_lines(subtask_id=row.id, after=after)
                transcript.apply_turns(row, lines)

    def _needs_rows(self, task: _FollowedTask, events: Sequence[Event]) -> bool:
        """Return whether rows may have text of which no message comes."""
        # A task that waits in a tool loop says nothing more by messages.
        is_waiting = any(event.kind == "subtask.waiting" for event in events)
        has_parts = self._listen is not None and (not task.is_read or any(map(_ends_step, events)))
        return is_waiting or has_parts

    async def _read_history(self, task: _FollowedTask) -> AsyncIterator[TaskUpdate]:
        try:
            events = await self._store.fetch_events(task_id=task.id, after=task.seq)
            has_ended = any(event.ends_task for event in events)
            has_selections = any(map(_follows_selection, events))
            selections = (
                await self._store.fetch_selections(task_id=task.id) if has_selections else []
            )
            if task.transcript.has_gap or has_ended or self._needs_rows(task, events):
                await self._read_rows(task)
            ended = await self._store.fetch_task(task_id=task.id) if has_ended else None
            children = await self._find_children(task, events)
        except StoreUnavailable:
            return  # the rows can be read later
        new_selections = [each for each in selections if each.id not in task.selections]
        for event in events:
            task.seq = event.seq
            for update in task.read_text_before(event):
                yield _set_apart(update, task)
            yield event
            child = children.get(event.subtask_id) if event.subtask_id else None
            if child is not None and await self._begin_child(child, task.root):
                yield child
            for selection in _take_selections(new_selections, event):
                task.selections.add(selection.id)
                yield selection
        task.is_read = True
        if ended is not None:
            for update in task.read_text():
                yield _set_apart(update, task)
            del self._open[task.id]
            if task.id == task.root:
                yield TaskEnded(ended)

    async def _read_below(self, root: _FollowedTask, poll: float) -> AsyncIterator[TaskUpdate]:
        """Yield what is left of the tasks below one that has ended; nothing follows later."""
        while below := [each for each in self._open.values() if each.root == root.id]:
            for task in below:
                task.is_read = False
                while not task.is_read:
                    async for update in self._read_history(task):
                        yield update
                    if not task.is_read:
                        await self._wait(poll)
                for update in task.read_text():
                    yield _set_apart(update, task)
                self._open.pop(task.id, None)

    async def _find_children(
        self, task: _FollowedTask, events: Sequence[Event]
    ) -> dict[UUID, ChildBegan]:
        """Return the child tasks that steps begin to wait for, by step."""
        waiting = {each.subtask_id for each in events if _waits_for_child(each)}
        if self._listen is None or not waiting:
            return {}
        rows = await self._store.fetch_subtasks(task_id=task.id)
        return {
            row.id: ChildBegan(
                task_id=task.id, subtask_id=row.id, key=row.key, child_task_id=row.child_task_id
            )
            for row in rows
            if row.id in waiting and row.child_task_id is not None
        }

    async def _begin_child(self, child: ChildBegan, root: UUID) -> bool:
        """Follow a child task; return whether it is new."""
        if self._listen is None or child.child_task_id in self._children:
            return False
        self._children.add(child.child_task_id)
        self._open[child.child_task_id] = _FollowedTask(child.child_task_id, root)
        await self._listen(child.child_task_id)
        return True


def _take_selections(selections: list[SelectionRow], event: Event) -> list[SelectionRow]:
    """Remove and return the selections for the subtask that an event queues."""
    if not _follows_selection(event):
        return []
    taken = [each for each in selections if each.subtask_id in {None, event.subtask_id}]
    selections[:] = [each for each in selections if each not in taken]
    return taken


def _ends_step(event: Event) -> bool:
    return event.kind in {"subtask.completed", "subtask.failed", "subtask.cancelled"}


def _waits_for_child(event: Event) -> bool:
    return event.kind == "subtask.waiting" and event.detail.get("kind") == "task"


def _set_apart(update: TaskUpdate, task: _FollowedTask) -> TaskUpdate:
    """Return an update of what is said; of a child task, that it is not the answer."""
    if task.id != task.root and isinstance(
        update, TranscriptDelta | TranscriptAside | ToolCallUpdate
    ):
        return replace(update, is_answer=False)
    return update


def _follows_selection(event: Event) -> bool:
    return event.kind == "subtask.queued" and is_model_lane(str(event.detail.get("lane")))
