"""A task is watched with its child tasks: all that they say, once, and the end of the task last."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast
from uuid import UUID, uuid4

from gateway.streams.cursor import TreeCursor
from gateway.streams.task_feeds import TaskFeeds
from gateway.streams.task_trees import TreeWatcher, watch_tree
from protocol.messages import Envelope, MessageType, SubtaskProgress
from protocol.store.queue import QueueStore
from protocol.topics import result_topic
from protocol.transcript import TaskEnded, TaskUpdate, TranscriptDelta
from tests.support.agents.fake_bus import FakeBus
from tests.support.eventually import eventually
from tests.support.watching.tree_rows import CHILD, TASK, TreeRows, build_finished_tree, describe

STRANGER = UUID("4" * 32)


@asynccontextmanager
async def watching(
    rows: TreeRows, bus: FakeBus, place: str | None = None
) -> AsyncIterator[tuple[TreeWatcher, TaskFeeds]]:
    async with (
        TaskFeeds(store=cast("QueueStore", rows), bus=bus, poll=timedelta(seconds=0.01)) as feeds,
        watch_tree(feeds, TASK, TreeCursor.parse(place)) as watcher,
    ):
        yield watcher, feeds


async def until_end(watcher: TreeWatcher) -> list[tuple[TaskUpdate, str]]:
    found: list[tuple[TaskUpdate, str]] = []
    async with asyncio.timeout(20):
        while not found or not isinstance(found[-1][0], TaskEnded):
            found += await watcher.next_with_cursors(within=5)
    return found


ALL = [
    "1 subtask.completed", "1 subtask.waiting", "1 task.completed", "1 says a plan",
    "implement is 2",
    "2 subtask.completed", "2 subtask.waiting", "2 task.completed", "2 says a draft",
    "review is 3",
    "3 subtask.completed", "3 task.completed", "3 says a doubt",
    "1 ends",
]  # fmt: skip


async def test_what_ended_before_anybody_watched_is_told_from_the_rows_before_the_end() -> None:
    async with watching(build_finished_tree(), FakeBus()) as (watcher, _):
        found = await until_end(watcher)

    assert [describe(each) for each, _ in found] == ALL


async def test_a_watcher_that_resumes_after_any_update_gets_exactly_the_rest() -> None:
    rows = build_finished_tree()
    async with watching(rows, FakeBus()) as (watcher, _):
        found = await until_end(watcher)

    for number, (_, place) in enumerate(found[:-1], start=1):
        async with watching(rows, FakeBus(), place) as (watcher, _):
            rest = await until_end(watcher)
        assert [describe(each) for each, _ in rest] == ALL[number:], place
        assert str(TreeCursor.parse(place)) == place
    assert TreeCursor.parse(found[-1][1]).root.has_ended


async def test_live_text_of_a_child_comes_at_once_and_its_feed_is_left_when_it_has_ended() -> None:
    rows, bus = TreeRows(), FakeBus()
    rows.begin_child(TASK, "implement", CHILD)
    async with asyncio.timeout(20), watching(rows, bus) as (watcher, feeds):
        found = await watcher.next_updates(within=5)
        hear = await eventually(lambda: bus.listeners.get(result_topic(CHILD)))
        assert hear is not None
        payload = SubtaskProgress(
            task_id=CHILD, subtask_id=uuid4(), attempt=1, offset=0, delta="hello"
        )
        hear(Envelope.wrap(MessageType.SUBTASK_PROGRESS, payload, source="e", target="t"))
        while not isinstance(found[-1], TranscriptDelta):
            found += await watcher.next_updates(within=5)
        assert feeds.watchers == 2
        rows.happen(CHILD, "task.completed")
        while feeds.watchers > 1:
            await watcher.next_updates(within=5)

    assert describe(found[-1]) == "2 says hello"
    assert feeds.watchers == 0


async def test_a_cursor_opens_no_task_that_is_not_a_child() -> None:
    rows = build_finished_tree()
    place = f"0.0|{STRANGER.hex}=0.0"
    async with watching(rows, FakeBus(), place) as (watcher, _):
        await until_end(watcher)

    assert STRANGER not in rows.read


async def test_who_watches_only_the_task_reads_no_child() -> None:
    rows = build_finished_tree()
    async with (
        TaskFeeds(store=cast("QueueStore", rows), bus=FakeBus(), poll=timedelta(1)) as feeds,
        feeds.watch(TASK) as watcher,
    ):
        found = await watcher.next_updates(within=5)

    assert [describe(each) for each in found] == [*ALL[:4], "1 ends"]
    assert set(rows.read) == {TASK}
