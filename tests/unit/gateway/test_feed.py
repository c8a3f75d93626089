"""A feed delivers everything once to each watcher, from its cursor."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast
from uuid import UUID, uuid4

import pytest

from gateway.streams.cursor import Cursor
from gateway.streams.sse import describe_update
from gateway.streams.task_feeds import TaskFeeds, TaskWatcher
from protocol.errors import StoreUnavailable
from protocol.ids import utc_now
from protocol.messages import Envelope, MessageType, SubtaskProgress
from protocol.records import Event, SelectionRow, Subtask, Task
from protocol.store.queue import QueueStore
from protocol.topics import result_topic
from protocol.transcript import TaskEnded, TaskUpdate, TranscriptDelta, TranscriptReset
from tests.support.agents.fake_bus import FakeBus
from tests.support.eventually import eventually

TASK = uuid4()
MAIN = uuid4()
NOW = utc_now()


@dataclass
class Rows:
    """The rows of one task, as far as a feed reads them."""

    events: list[Event] = field(default_factory=list)
    subtasks: list[Subtask] = field(default_factory=list)
    is_away: bool = False
    reads: int = 0

    async def fetch_events(self, *, task_id: UUID, after: int = 0) -> list[Event]:
        self.reads += 1
        if self.is_away:
            raise StoreUnavailable("away")
        assert task_id == TASK
        return [each for each in self.events if each.seq > after]

    async def fetch_subtasks(self, *, task_id: UUID) -> list[Subtask]:
        assert task_id == TASK
        return self.subtasks

    async def fetch_selections(self, *, task_id: UUID) -> list[SelectionRow]:
        assert task_id == TASK
        return []

    async def fetch_task(self, *, task_id: UUID) -> Task:
        return Task.model_validate(
            {"id": task_id, "type": "CHAT", "prompt": "p", "status": "completed"}
            | {"created_at": NOW}
        )

    def happen(self, kind: str, *, subtask_id: UUID | None = None) -> None:
        seq = len(self.events) + 1
        event = Event(task_id=TASK, seq=seq, at=utc_now(), kind=kind, subtask_id=subtask_id)
        self.events.append(event)

    def become(self, status: str, *, attempt: int = 1, **fields: object) -> None:
        row = {"id": MAIN, "task_id": TASK, "key": "main", "type": "CHAT", "lane": "m"}
        counts = {"attempt": attempt, "failures": 0, "reaps": 0, "sink": True}
        self.subtasks = [
            Subtask.model_validate(
                row | counts | {"status": status, "created_at": utc_now()} | fields
            )
        ]
        self.happen(f"subtask.{status}", subtask_id=MAIN)


@asynccontextmanager
async def watching(
    rows: Rows, bus: FakeBus, cursor: Cursor | None = None, *, poll_seconds: float = 0.01
) -> AsyncIterator[TaskWatcher]:
    poll = timedelta(seconds=poll_seconds)
    async with (
        TaskFeeds(store=cast("QueueStore", rows), bus=bus, poll=poll) as feeds,
        feeds.watch(TASK, cursor) as watcher,
    ):
        yield watcher


def speaks(delta: str, *, offset: int, attempt: int = 1) -> Envelope:
    payload = SubtaskProgress(
        task_id=TASK, subtask_id=MAIN, attempt=attempt, offset=offset, delta=delta
    )
    return Envelope.wrap(MessageType.SUBTASK_PROGRESS, payload, source="e", target="t")


async def say(bus: FakeBus, message: Envelope) -> None:
    hear = await eventually(lambda: bus.listeners.get(result_topic(TASK)))
    assert hear is not None
    hear(message)


async def until(watcher: TaskWatcher, kind: type[TaskUpdate]) -> list[TaskUpdate]:
    found: list[TaskUpdate] = []
    async with asyncio.timeout(20):
        while not any(isinstance(each, kind) for each in found):
            found += await watcher.next_updates(within=5)
    return found


def text_of(found: list[TaskUpdate]) -> str:
    text = ""
    for each in found:
        if isinstance(each, TranscriptReset):
            text = ""
        elif isinstance(each, TranscriptDelta):
            assert each.offset == len(text)
            text += each.delta
    return text


async def test_live_text_comes_before_any_row_and_the_output_brings_what_was_lost() -> None:
    rows, bus = Rows(), FakeBus()
    async with watching(rows, bus) as watcher:
        await say(bus, speaks("one ", offset=0))
        first = await until(watcher, TranscriptDelta)
        await say(bus, speaks("four", offset=14))  # the middle is lost
        rows.become("completed", output={"text": "one two three four"})
        rows.happen("task.completed")
        rest = await until(watcher, TaskEnded)

    assert text_of(first) == "one "
    assert text_of(first + rest) == "one two three four"


async def test_the_first_text_of_an_attempt_brings_the_event_that_it_has_begun() -> None:
    rows, bus = Rows(), FakeBus()
    async with watching(rows, bus, poll_seconds=600) as watcher:
        await eventually(lambda: rows.reads)
        for attempt in (1, 2):
            rows.become("running", attempt=attempt)
            await say(bus, speaks("one ", offset=0, attempt=attempt))
            found = await until(watcher, Event)
            assert [each.kind for each in found if isinstance(each, Event)] == ["subtask.running"]


async def test_a_new_attempt_discards_what_the_old_one_said() -> None:
    rows, bus = Rows(), FakeBus()
    async with watching(rows, bus) as watcher:
        await say(bus, speaks("old", offset=0))
        found = await until(watcher, TranscriptDelta)
        await say(bus, speaks("new", offset=0, attempt=2))
        found += await until(watcher, TranscriptReset)

    assert text_of(found) == "new"
    assert [describe_update(each)[0] for each in found] == ["text", "discard", "text"]


async def test_a_watcher_that_resumes_gets_the_rest_and_nothing_twice() -> None:
    rows = Rows()
    rows.happen("task.running")
    checkpoint = {"attempt": 1, "content": "one two", "reasoning": ""}
    rows.become("running", checkpoint=checkpoint)
    async with watching(rows, FakeBus()) as watcher:
        before = await until(watcher, TranscriptDelta)
        place = str(watcher.cursor)
    rows.become("completed", output={"text": "one two three"})
    rows.happen("task.completed")

    async with watching(rows, FakeBus(), Cursor.parse(place)) as watcher:
        after = await until(watcher, TaskEnded)

    assert text_of(before + after) == "one two three"
    seqs = [each.seq for each in [*before, *after] if isinstance(each, Event)]
    assert seqs == [1, 2, 3, 4]


async def test_a_watcher_that_resumes_inside_a_batch_gets_the_rest_of_it() -> None:
    rows, bus = Rows(), FakeBus()
    rows.happen("task.running")
    rows.become("running", checkpoint={"attempt": 1, "content": "old", "reasoning": "hm"})
    async with watching(rows, bus) as watcher:
        await until(watcher, TranscriptDelta)
        start = str(watcher.cursor)
    rows.become("running", attempt=2)
    output = {"text": "one two", "reasoning_content": "why"}
    rows.become("completed", attempt=2, output=output)
    rows.happen("task.completed")

    async def frames_after(place: str) -> list[tuple[TaskUpdate, str]]:
        async with watching(rows, bus, Cursor.parse(place)) as watcher:
            return await watcher.next_with_cursors(within=5)

    batch = await frames_after(start)
    kinds = [type(item) for item, _ in batch]
    assert kinds == [
        Event,
        Event,
        Event,
        TranscriptReset,
        TranscriptDelta,
        TranscriptDelta,
        TaskEnded,
    ]
    for number, (_, place) in enumerate(batch[:-1], start=1):
        assert await frames_after(place) == batch[number:]
        assert not Cursor.parse(place).has_ended
    assert Cursor.parse(batch[-1][1]).has_ended


async def test_without_realtime_checkpoints_bring_the_text() -> None:
    rows = Rows()
    rows.become("running", checkpoint={"attempt": 1, "content": "so far", "reasoning": ""})
    async with watching(rows, FakeBus()) as watcher:
        found = await until(watcher, TranscriptDelta)
        text = {"attempt": 1, "content": "so far, so good", "reasoning": ""}
        rows.subtasks = [rows.subtasks[0].model_copy(update={"checkpoint": text})]
        found += await until(watcher, TranscriptDelta)

    assert text_of(found) == "so far, so good"


async def test_while_text_is_heard_the_rows_are_read_seldom() -> None:
    rows, bus = Rows(), FakeBus()
    rows.become("running")
    async with (
        TaskFeeds(store=cast("QueueStore", rows), bus=bus, poll=timedelta(0)) as feeds,
        feeds.watch(TASK),
    ):
        await say(bus, speaks("x", offset=0))
        before = rows.reads
        for offset in range(1, 401):  # a piece in each turn of the loop, and no time to wait
            await say(bus, speaks("x", offset=offset))
            await asyncio.sleep(0)

    assert 0 < rows.reads - before < 100


async def test_a_database_that_is_away_is_waited_for() -> None:
    rows = Rows(is_away=True)
    async with watching(rows, FakeBus()) as watcher:
        assert await watcher.next_updates(within=0.05) == []
        rows.happen("task.completed")
        rows.is_away = False
        assert isinstance((await until(watcher, TaskEnded))[-1], TaskEnded)


async def test_watchers_of_one_task_share_one_feed() -> None:
    rows, bus = Rows(), FakeBus()
    async with TaskFeeds(
        store=cast("QueueStore", rows), bus=bus, poll=timedelta(seconds=0.01)
    ) as feeds:
        async with feeds.watch(TASK) as one, feeds.watch(TASK) as other:
            await say(bus, speaks("hello", offset=0))
            assert (
                text_of(await until(one, TranscriptDelta))
                == text_of(await until(other, TranscriptDelta))
                == "hello"
            )
            assert feeds.watchers == 2
        assert feeds.watchers == 0


async def forever() -> None:
    await asyncio.Event().wait()


async def test_feeds_that_an_error_ends_stop_the_work_that_they_were_given() -> None:
    feeds = TaskFeeds(store=cast("QueueStore", Rows()), bus=FakeBus(), poll=timedelta(seconds=0.01))
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(20), feeds:
            feeds.spawn(forever())
            raise ZeroDivisionError

    assert caught.group_contains(ZeroDivisionError)
