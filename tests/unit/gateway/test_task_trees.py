"""A task is watched with its child tasks: all that they say, once, and the end of the task last."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from gateway.streams.cursor import TreeCursor
from gateway.streams.task_feeds import TaskFeeds
from gateway.streams.task_trees import TreeWatcher, watch_tree
from protocol.ids import utc_now
from protocol.messages import Envelope, MessageType, SubtaskProgress
from protocol.records import Event, SelectionRow, Subtask, Task
from protocol.store.queue import QueueStore
from protocol.topics import result_topic
from protocol.transcript import ChildBegan, TaskEnded, TaskUpdate, TranscriptDelta
from tests.support.agents.fake_bus import FakeBus
from tests.support.eventually import eventually

TASK, CHILD, GRANDCHILD, STRANGER = (UUID(f"{number}" * 32) for number in (1, 2, 3, 4))


@dataclass
class Rows:
    """The rows of several tasks, as far as feeds read them."""

    events: dict[UUID, list[Event]] = field(default_factory=dict)
    subtasks: dict[UUID, dict[UUID, Subtask]] = field(default_factory=dict)
    read: list[UUID] = field(default_factory=list)

    async def fetch_events(self, *, task_id: UUID, after: int = 0) -> list[Event]:
        self.read.append(task_id)
        return [each for each in self.events.get(task_id, []) if each.seq > after]

    async def fetch_subtasks(self, *, task_id: UUID) -> list[Subtask]:
        return list(self.subtasks.get(task_id, {}).values())

    async def fetch_selections(self, *, task_id: UUID) -> list[SelectionRow]:
        assert task_id in self.events
        return []

    async def fetch_task(self, *, task_id: UUID) -> Task:
        row = {"id": task_id, "type": "CHAT", "prompt": "p", "status": "completed"}
        return Task.model_validate(row | {"created_at": utc_now()})

    def happen(self, task_id: UUID, kind: str, *, subtask_id: UUID | None = None) -> None:
        known = self.events.setdefault(task_id, [])
        event = Event(
            task_id=task_id, seq=len(known) + 1, at=utc_now(), kind=kind, subtask_id=subtask_id
        )
        known.append(event)

    def become(self, task_id: UUID, key: str, status: str, **fields: Any) -> None:
        known = self.subtasks.setdefault(task_id, {})
        subtask_id = next((each.id for each in known.values() if each.key == key), uuid4())
        row = {"id": subtask_id, "task_id": task_id, "key": key, "type": "CHAT", "lane": "m"}
        counts = {"attempt": 1, "failures": 0, "reaps": 0, "sink": True}
        times = {"status": status, "created_at": utc_now()}
        known[subtask_id] = Subtask.model_validate(row | counts | times | fields)
        self.happen(task_id, f"subtask.{status}", subtask_id=subtask_id)

    def begin_child(self, task_id: UUID, key: str, child_id: UUID) -> None:
        self.become(task_id, key, "waiting", kind="task", lane="wait", child_task_id=child_id)


@asynccontextmanager
async def watching(
    rows: Rows, bus: FakeBus, place: str | None = None
) -> AsyncIterator[tuple[TreeWatcher, TaskFeeds]]:
    async with (
        TaskFeeds(store=cast("QueueStore", rows), bus=bus, poll=timedelta(seconds=0.01)) as feeds,
        watch_tree(feeds, TASK, TreeCursor.parse(place)) as watcher,
    ):
        yield watcher, feeds


async def until_end(watcher: TreeWatcher) -> list[tuple[TaskUpdate, str]]:
    found: list[tuple[TaskUpdate, str]] = []
    while not found or not isinstance(found[-1][0], TaskEnded):
        found += await watcher.next_with_cursors(within=5)
    return found


def name(update: TaskUpdate) -> str:
    match update:
        case ChildBegan():
            return f"{update.key} is {str(update.child_task_id)[0]}"
        case TranscriptDelta():
            assert update.is_answer is (update.task_id == TASK)
            return f"{str(update.task_id)[0]} says {update.delta}"
        case TaskEnded(task):
            return f"{str(task.id)[0]} ends"
        case Event():
            return f"{str(update.task_id)[0]} {update.kind}"
    raise AssertionError(update)


def a_finished_tree() -> Rows:
    """Return a task with a child and a grandchild, each of which has said something."""
    rows = Rows()
    rows.become(TASK, "plan", "completed", output={"text": "a plan"})
    rows.begin_child(TASK, "implement", CHILD)
    rows.become(CHILD, "draft", "completed", output={"text": "a draft"})
    rows.begin_child(CHILD, "review", GRANDCHILD)
    rows.become(GRANDCHILD, "critic", "completed", output={"text": "a doubt"})
    for task_id in (GRANDCHILD, CHILD, TASK):
        rows.happen(task_id, "task.completed")
    return rows


ALL = [
    "1 subtask.completed", "1 subtask.waiting", "1 task.completed", "1 says a plan",
    "implement is 2",
    "2 subtask.completed", "2 subtask.waiting", "2 task.completed", "2 says a draft",
    "review is 3",
    "3 subtask.completed", "3 task.completed", "3 says a doubt",
    "1 ends",
]  # fmt: skip


async def test_what_ended_before_anybody_watched_is_told_from_the_rows_before_the_end() -> None:
    async with watching(a_finished_tree(), FakeBus()) as (watcher, _):
        found = await until_end(watcher)

    assert [name(each) for each, _ in found] == ALL


async def test_a_watcher_that_resumes_after_any_update_gets_exactly_the_rest() -> None:
    rows = a_finished_tree()
    async with watching(rows, FakeBus()) as (watcher, _):
        found = await until_end(watcher)

    for number, (_, place) in enumerate(found[:-1], start=1):
        async with watching(rows, FakeBus(), place) as (watcher, _):
            rest = await until_end(watcher)
        assert [name(each) for each, _ in rest] == ALL[number:], place
        assert str(TreeCursor.parse(place)) == place
    assert TreeCursor.parse(found[-1][1]).root.has_ended


async def test_live_text_of_a_child_comes_at_once_and_its_feed_is_left_when_it_has_ended() -> None:
    rows, bus = Rows(), FakeBus()
    rows.begin_child(TASK, "implement", CHILD)
    async with watching(rows, bus) as (watcher, feeds):
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

    assert name(found[-1]) == "2 says hello"
    assert feeds.watchers == 0


async def test_a_cursor_opens_no_task_that_is_not_a_child() -> None:
    rows = a_finished_tree()
    place = f"0.0|{STRANGER.hex}=0.0"
    async with watching(rows, FakeBus(), place) as (watcher, _):
        await until_end(watcher)

    assert STRANGER not in rows.read


async def test_who_watches_only_the_task_reads_no_child() -> None:
    rows = a_finished_tree()
    async with (
        TaskFeeds(store=cast("QueueStore", rows), bus=FakeBus(), poll=timedelta(1)) as feeds,
        feeds.watch(TASK) as watcher,
    ):
        found = await watcher.next_updates(within=5)

    assert [name(each) for each in found] == [*ALL[:4], "1 ends"]
    assert set(rows.read) == {TASK}
