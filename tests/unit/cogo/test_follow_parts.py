"""A task is followed with its child tasks: live, from the rows, and to its end."""

import asyncio
from typing import cast
from uuid import uuid4

from cogo.watch.follow import follow
from protocol.errors import StoreUnavailable
from protocol.messages import Envelope, MessageType, SubtaskProgress
from protocol.records import Event
from protocol.store.queue import QueueStore
from protocol.topics import result_topic
from protocol.transcript import TaskEnded, TaskUpdate, TranscriptDelta
from tests.support.agents.fake_bus import FakeBus
from tests.support.watching.tree_rows import (
    CHILD,
    GRANDCHILD,
    TASK,
    TreeRows,
    build_finished_tree,
    describe,
)


async def followed(rows: TreeRows, *, with_parts: bool) -> list[TaskUpdate]:
    store = cast("QueueStore", rows)
    updates = follow([TASK], store=store, bus=FakeBus(), poll=0.01, with_parts=with_parts)
    async with asyncio.timeout(20):
        return [each async for each in updates]


async def test_what_ended_before_is_told_from_the_rows_each_text_before_the_end_of_its_step() -> (
    None
):
    seen = await followed(build_finished_tree(), with_parts=True)

    told = [describe(each) for each in seen]
    assert told[-1] == "1 ends"
    assert sorted(told) == sorted([
        "1 says a plan", "1 subtask.completed", "1 subtask.waiting", "implement is 2",
        "1 task.completed", "2 says a draft", "2 subtask.completed", "2 subtask.waiting",
        "review is 3", "2 task.completed", "3 says a doubt", "3 subtask.completed",
        "3 task.completed", "1 ends",
    ])  # fmt: skip
    for number in "123":
        said = next(n for n, each in enumerate(told) if each.startswith(f"{number} says"))
        assert said < told.index(f"{number} subtask.completed")


async def test_without_parts_no_child_is_read() -> None:
    rows = build_finished_tree()

    told = [describe(each) for each in await followed(rows, with_parts=False)]

    assert told == ["1 subtask.completed", "1 subtask.waiting", "1 task.completed", "1 ends"]
    assert set(rows.read) == {TASK}


async def test_a_child_is_heard_live_and_left_out_rows_are_read_when_the_store_is_back() -> None:
    class Flaky(TreeRows):
        failures = 0

        async def fetch_events(self, *, task_id: object, after: int = 0) -> list[Event]:
            if task_id == CHILD and after == 0 and self.failures < 3:
                self.failures += 1
                raise StoreUnavailable("away")
            return await super().fetch_events(task_id=task_id, after=after)  # type: ignore[arg-type]

    rows, bus = Flaky(), FakeBus()
    rows.begin_child(TASK, "implement", CHILD)
    rows.become(CHILD, "draft", "running")
    payload = SubtaskProgress(task_id=CHILD, subtask_id=uuid4(), attempt=1, offset=0, delta="hi")
    message = Envelope.wrap(MessageType.SUBTASK_PROGRESS, payload, source="e", target="t")
    seen: list[TaskUpdate] = []
    updates = follow([TASK], store=cast("QueueStore", rows), bus=bus, poll=0.01, with_parts=True)
    async with asyncio.timeout(20):
        async for update in updates:
            seen.append(update)
            if describe(update) == "implement is 2":
                bus.listeners[result_topic(CHILD)](message)
            if isinstance(update, TranscriptDelta):
                rows.happen(TASK, "task.completed")

    told = [describe(each) for each in seen]
    assert "2 says hi" in told
    assert "2 subtask.running" in told
    assert isinstance(seen[-1], TaskEnded)
    assert GRANDCHILD not in rows.read
