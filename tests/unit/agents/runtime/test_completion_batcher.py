"""The batcher: every completion gets its own answer, and none waits for another's."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.runtime import completion_batcher as module
from agents.runtime.completion_batcher import CompletionBatcher
from agents.runtime.retry import retry_until_answered
from protocol.errors import InvalidArgument, StoreUnavailable, Unauthorized
from protocol.records import Completion, CompletionAnswer
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.agents.subtasks import a_subtask, done
from tests.support.eventually import eventually


class _NoWait(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return 0.0


@asynccontextmanager
async def recording(store: FakeStore) -> AsyncIterator[CompletionBatcher]:
    batcher = CompletionBatcher(agent_id="agent", store=store, jitter=_NoWait())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(batcher.run())
        yield batcher
        running.cancel()


def completions(count: int) -> list[Completion]:
    return [done(a_subtask()) for _ in range(count)]


async def answers(
    batcher: CompletionBatcher, items: list[Completion]
) -> list[CompletionAnswer | BaseException]:
    async def one(item: Completion) -> CompletionAnswer | BaseException:
        try:
            return await batcher.complete(item)
        except (InvalidArgument, Unauthorized, ValueError) as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(item)) for item in items]
    return [task.result() for task in tasks]


async def test_waiting_completions_share_a_request_and_each_gets_its_own_answer() -> None:
    store = FakeStore()
    items = completions(250)

    async with recording(store) as batcher:
        given = await answers(batcher, items)

    assert given == [
        CompletionAnswer(subtask_id=item.ref.subtask_id, attempt=item.ref.attempt, answer="ok")
        for item in items
    ]
    assert len(store.batches) == 3
    assert max(map(len, store.batches)) == module.MAX_BATCH


async def test_completions_wait_out_a_store_that_is_away() -> None:
    store = FakeStore(errors={"complete_subtasks": AWAY})
    items = completions(7)

    async with recording(store) as batcher, asyncio.TaskGroup() as group:
        waiting = group.create_task(answers(batcher, items))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not waiting.done()
        store.errors.clear()
        await asyncio.wait_for(waiting, 60)

    assert {each.ref for each in store.completed} == {item.ref for item in items}


async def test_a_completion_that_the_store_cannot_take_holds_up_no_other() -> None:
    items = completions(40)
    stuck = items[3]
    store = FakeStore(poison={stuck.ref: StoreUnavailable("an internal error")})

    async with recording(store) as batcher, asyncio.TaskGroup() as group:
        waiting = [group.create_task(batcher.complete(item)) for item in items]
        await eventually(lambda: sum(task.done() for task in waiting) == 39, within=5)
        assert not waiting[3].done()
        store.poison.clear()
        await asyncio.wait_for(waiting[3], 60)


async def test_a_refused_completion_is_refused_alone() -> None:
    items = completions(40)
    refused = InvalidArgument("the output is no object")
    store = FakeStore(poison={items[17].ref: refused})

    async with recording(store) as batcher:
        given = await answers(batcher, items)

    assert [position for position, each in enumerate(given) if each is refused] == [17]
    assert len(store.completed) == 39


async def test_an_answer_that_names_an_unusable_project_reaches_everyone_who_waits() -> None:
    error = Unauthorized("the key is not accepted")
    store = FakeStore(errors={"complete_subtasks": error})

    async with recording(store) as batcher:
        assert await answers(batcher, completions(3)) == [error] * 3


async def test_answers_to_other_completions_raise() -> None:
    class Confused(FakeStore):
        async def complete_subtasks(self, **_: object) -> list[CompletionAnswer]:
            other = a_subtask()
            return [
                CompletionAnswer(subtask_id=other.subtask_id, attempt=other.attempt, answer="ok")
            ]

    async with recording(Confused()) as batcher:
        (given,) = await answers(batcher, completions(1))

    assert isinstance(given, ValueError)


async def test_nobody_stores_what_nobody_waits_for() -> None:
    store = FakeStore(errors={"complete_subtasks": AWAY})
    given_up, kept = completions(2)

    async with recording(store) as batcher, asyncio.TaskGroup() as group:
        first = group.create_task(batcher.complete(given_up))
        second = group.create_task(batcher.complete(kept))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        store.errors.clear()
        await asyncio.wait_for(second, 60)

    assert store.completed == [kept]


async def test_an_idempotent_call_is_repeated_with_growing_waits_while_the_store_is_away() -> None:
    waits: list[float] = []
    calls = 0

    class Noting(random.Random):
        def uniform(self, a: float, b: float) -> float:
            waits.append(b)
            return 0.0

    async def call() -> str:
        nonlocal calls
        calls += 1
        if calls <= 8:
            raise AWAY
        return "answered"

    assert await retry_until_answered(call, what="a test", jitter=Noting()) == "answered"
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
