"""Follow tasks to their ends: the history from the database, the text from the channel."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from uuid import UUID

from protocol.bus import Bus
from protocol.errors import MalformedMessage, StoreUnavailable
from protocol.messages import Envelope, MessageType, SubtaskProgress, read_payload
from protocol.records import Event, SelectionRow, Task
from protocol.store.queue import QueueStore
from protocol.topics import result_topic

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """Some more text of an attempt. `restarted` tells to forget what earlier attempts said."""

    task_id: UUID
    subtask_id: UUID
    attempt: int
    kind: str
    text: str
    restarted: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a task, as its row says."""

    task: Task


Happening = Event | SelectionRow | Delta | Finished


async def follow(
    task_ids: Sequence[UUID], *, store: QueueStore, bus: Bus, poll: float = POLL_SECONDS
) -> AsyncGenerator[Happening, None]:
    """Yield what happens to the tasks until each has ended.

    Events come from the database, complete and in order, whether Realtime works or not; deltas come
    from the channel and may be missed. The text of an attempt comes after the event that begins
    the attempt and before the event that ends it. A store that is away is waited for.
    """
    follower = _Follower(task_ids, store=store)
    async with AsyncExitStack() as stack:
        for task_id in task_ids:
            listening = bus.listen(result_topic(task_id), follower.hear, on_ready=follower.ring)
            await stack.enter_async_context(listening)
        happenings = follower.run(poll)
        async with aclosing(happenings):
            async for happening in happenings:
                yield happening


class _Follower:
    def __init__(self, task_ids: Sequence[UUID], *, store: QueueStore) -> None:
        self._store = store
        self._seen = dict.fromkeys(task_ids, 0)
        self._open = set(task_ids)
        self._chosen: set[UUID] = set()
        self._attempts: dict[UUID, int] = {}
        self._deltas: list[Delta] = []
        self._began = False
        """An attempt has its first text: its history comes before."""
        self._bell = asyncio.Event()

    def ring(self) -> None:
        self._bell.set()

    def hear(self, message: Envelope) -> None:
        if message.type == MessageType.SUBTASK_PROGRESS:
            try:
                progress = read_payload(message, SubtaskProgress)
            except MalformedMessage:
                return  # the channel has logged it
            self._take(progress)
        self._bell.set()

    def _take(self, progress: SubtaskProgress) -> None:
        latest = self._attempts.get(progress.subtask_id, 0)
        if progress.attempt < latest:
            return
        self._began = self._began or progress.attempt > latest
        self._attempts[progress.subtask_id] = progress.attempt
        self._deltas.append(
            Delta(
                task_id=progress.task_id,
                subtask_id=progress.subtask_id,
                attempt=progress.attempt,
                kind=progress.kind,
                text=progress.delta,
                restarted=0 < latest < progress.attempt,
            )
        )

    async def run(self, poll: float) -> AsyncGenerator[Happening, None]:
        polled_at = 0.0
        clock = asyncio.get_running_loop().time
        while self._open:
            if self._began or not self._deltas or clock() - polled_at > poll:
                polled_at = clock()
                self._began = False
                for task_id in sorted(self._open, key=str):
                    async for happening in self._history(task_id):
                        yield happening
            deltas, self._deltas = self._deltas, []
            for delta in deltas:
                yield delta
            if self._open and not self._deltas:
                await self._wait(poll)

    async def _wait(self, poll: float) -> None:
        try:
            async with asyncio.timeout(poll):
                await self._bell.wait()
        except TimeoutError:
            pass
        self._bell.clear()

    async def _choices(self, task_id: UUID) -> list[SelectionRow]:
        found = await self._store.fetch_selections(task_id=task_id)
        new = [each for each in found if each.id not in self._chosen]
        self._chosen.update(each.id for each in new)
        return new

    async def _history(self, task_id: UUID) -> AsyncIterator[Happening]:
        try:
            events = await self._store.fetch_events(task_id=task_id, after=self._seen[task_id])
            ended = any(event.ends_task for event in events)
            choices = await self._choices(task_id) if any(map(_follows_choice, events)) else []
            task = await self._store.fetch_task(task_id=task_id) if ended else None
        except StoreUnavailable:
            return  # the rows will still be there
        for event in events:
            self._seen[task_id] = event.seq
            if event.kind != "subtask.running":
                for delta in self._text_before(event):
                    yield delta
            yield event
            while choices and _follows_choice(event):
                yield choices.pop(0)
        if task is not None:
            self._open.discard(task_id)
            for delta in self._taken(lambda each: each.task_id == task_id):
                yield delta
            yield Finished(task)

    def _text_before(self, event: Event) -> list[Delta]:
        """Take the text of the attempt that the event ends."""
        return self._taken(
            lambda each: (
                each.subtask_id == event.subtask_id and each.attempt <= (event.attempt or 0)
            )
        )

    def _taken(self, which: Callable[[Delta], bool]) -> list[Delta]:
        taken = [each for each in self._deltas if which(each)]
        self._deltas = [each for each in self._deltas if not which(each)]
        return taken


def _follows_choice(event: Event) -> bool:
    return event.kind == "subtask.queued" and event.detail.get("lane") != "cio"
