"""The call ledger: fewer requests, and every call is begun and ended as if it were alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.middleware import call_ledger as module
from agents.middleware.call_ledger import CallLedger
from protocol.errors import CogoError, InvalidArgument, StoreUnavailable
from protocol.records import (
    CallAnswer,
    CallEnd,
    CallStart,
    Completion,
    LeaseRef,
    NamedCallAnswer,
    RoundTrip,
)
from tests.support.virtual_time import in_virtual_time

AWAY = StoreUnavailable("away")


@dataclass
class FakeLedgerStore:
    """Answers as a test says, and notes the requests."""

    answers: dict[UUID, str] = field(default_factory=dict)
    """Of calls that begin; `ok` otherwise. `wait` is said once."""
    left_out: set[UUID] = field(default_factory=set)
    errors: dict[str, CogoError] = field(default_factory=dict)
    hanging: bool = False
    began: list[list[UUID]] = field(default_factory=list)
    ended: list[list[UUID]] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin_call(self, *, agent_id: str, call: CallStart) -> CallAnswer:
        await self._answer("begin_call")
        self.began.append([call.id])
        return CallAnswer.model_validate({"answer": self.answers.pop(call.id, "ok")})

    async def begin_calls(
        self, *, agent_id: str, calls: Sequence[CallStart]
    ) -> dict[UUID, NamedCallAnswer]:
        await self._answer("begin_calls")
        self.began.append([each.id for each in calls])
        return {
            each.id: NamedCallAnswer.model_validate(
                {"id": each.id, "answer": self.answers.pop(each.id, "ok")}
            )
            for each in calls
            if each.id not in self.left_out
        }

    async def complete_and_claim(
        self, *, agent_id: str, items: Sequence[Completion], calls: Sequence[CallEnd] = ()
    ) -> RoundTrip:
        await self._answer("complete_and_claim")
        self.ended.append([each.id for each in calls])
        self.outcomes += [each.outcome for each in calls]
        return RoundTrip(answers=[])

    async def _answer(self, method: str) -> None:
        if self.hanging:
            await self.goes_on.wait()
        if method in self.errors:
            raise self.errors[method]
        await asyncio.sleep(0)


@asynccontextmanager
async def running(store: FakeLedgerStore) -> AsyncIterator[CallLedger]:
    ledger = CallLedger(agent_id="agent", store=store)  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(ledger.run())
        await asyncio.sleep(0)
        yield ledger
        task.cancel()


def a_start(**fields: Any) -> CallStart:
    given = {"id": uuid4(), "model_id": "m", "provider": "p", "provider_model": "m"}
    return CallStart.model_validate(given | {"prompt_sha256": "0"} | fields)


def an_end(start: CallStart | None = None, **fields: Any) -> CallEnd:
    given = (start or a_start()).model_dump()
    return CallEnd.model_validate(given | {"outcome": "completed", "duration_ms": 1} | fields)


async def begin(ledger: CallLedger, *starts: CallStart) -> list[str]:
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(ledger.begin_call(agent_id="agent", call=each)) for each in starts
        ]
    return [task.result().answer for task in tasks]


@in_virtual_time
async def test_calls_that_begin_at_once_share_a_request() -> None:
    store, starts = FakeLedgerStore(), [a_start() for _ in range(30)]
    store.answers = {starts[3].id: "refused", starts[4].id: "stale"}

    async with running(store) as ledger:
        answers = await begin(ledger, *starts)

    assert answers == ["ok", "ok", "ok", "refused", "stale", *["ok"] * 25]
    assert len(store.began) <= module.AT_ONCE


@in_virtual_time
async def test_what_was_not_answered_with_others_is_begun_alone() -> None:
    store, starts = FakeLedgerStore(), [a_start() for _ in range(4)]
    store.left_out = {starts[1].id}

    async with running(store) as ledger:
        assert await begin(ledger, *starts) == ["ok"] * 4

    assert [starts[1].id] in store.began


@pytest.mark.parametrize("error", [InvalidArgument("one of them is wrong"), None])
def test_one_that_spoils_or_blocks_a_request_affects_no_other(error: CogoError | None) -> None:
    class Blocking(FakeLedgerStore):
        async def begin_calls(self, **_: Any) -> Any:
            if error is not None:
                raise error
            await asyncio.Event().wait()

    @in_virtual_time
    async def run() -> None:
        store, starts = Blocking(), [a_start() for _ in range(5)]
        async with running(store) as ledger:
            assert await begin(ledger, *starts) == ["ok"] * 5

    run()


@in_virtual_time
async def test_a_store_that_is_away_is_known_to_every_caller() -> None:
    store = FakeLedgerStore(errors={"begin_calls": AWAY, "begin_call": AWAY})

    async with running(store) as ledger:
        for starts in ([a_start()], [a_start(), a_start(), a_start()]):
            with pytest.raises(ExceptionGroup) as caught:
                await begin(ledger, *starts)
            assert list(caught.value.exceptions) == [AWAY] * len(starts)


@in_virtual_time
async def test_a_call_whose_caller_left_while_it_began_is_free() -> None:
    store, start = FakeLedgerStore(hanging=True), a_start()

    async with running(store) as ledger, asyncio.TaskGroup() as group:
        waiting = group.create_task(begin(ledger, start))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.sleep(0.01)
        store.goes_on.set()
        await asyncio.sleep(0.01)

    assert (store.ended, store.outcomes) == ([[start.id]], ["cancelled"])


@in_virtual_time
async def test_ends_that_nobody_takes_are_sent_soon_and_together() -> None:
    store, ends = FakeLedgerStore(), [an_end() for _ in range(3)]

    async with running(store) as ledger:
        for each in ends:
            assert await ledger.end_call(agent_id="agent", call=each)
        await asyncio.sleep(module.KEEP.total_seconds() / 2)
        assert store.ended == []
        await asyncio.sleep(module.KEEP.total_seconds())
        assert store.ended == [[each.id for each in ends]]


@in_virtual_time
async def test_ends_that_were_taken_are_sent_by_nobody_else_unless_that_fails() -> None:
    store, end = FakeLedgerStore(), an_end()

    async with running(store) as ledger:
        await ledger.end_call(agent_id="agent", call=end)
        async with ledger.take_ends() as taken:
            assert list(taken) == [end]
        await asyncio.sleep(1)
        assert store.ended == []
        await ledger.end_call(agent_id="agent", call=end)
        with pytest.raises(StoreUnavailable):
            async with ledger.take_ends():
                raise AWAY
        await asyncio.sleep(1)
        assert store.ended == [[end.id]]


@in_virtual_time
async def test_the_ends_of_an_attempt_are_sent_before_it_fails() -> None:
    store, ref = FakeLedgerStore(), LeaseRef(subtask_id=uuid4(), attempt=2)
    mine, other = an_end(subtask_id=ref.subtask_id, attempt=2), an_end()

    async with running(store) as ledger:
        for each in (mine, other):
            await ledger.end_call(agent_id="agent", call=each)
        await ledger.flush(ref)
        assert store.ended == [[mine.id]]

    assert store.ended == [[mine.id], [other.id]]


@in_virtual_time
async def test_an_attempt_that_fails_waits_for_ends_that_are_being_sent() -> None:
    store, ref = FakeLedgerStore(), LeaseRef(subtask_id=uuid4(), attempt=2)
    order: list[str] = []

    async with running(store) as ledger, asyncio.TaskGroup() as group:
        async with ledger.take_ends():
            failing = group.create_task(ledger.flush(ref))
            failing.add_done_callback(lambda _: order.append("failed"))
            await asyncio.sleep(0.01)
            order.append("sent")
        await failing

    assert order == ["sent", "failed"]


@in_virtual_time
async def test_ends_outlast_a_store_that_is_away() -> None:
    store, end = FakeLedgerStore(errors={"complete_and_claim": AWAY}), an_end()

    async with running(store) as ledger:
        await ledger.end_call(agent_id="agent", call=end)
        await asyncio.sleep(3)
        store.errors.clear()
        await asyncio.sleep(1)
        assert store.ended == [[end.id]]


@pytest.mark.parametrize("of", ["the same task", "another task"])
def test_the_next_call_counts_what_the_ones_before_have_cost(of: str) -> None:
    @in_virtual_time
    async def run() -> None:
        first = a_start(task_id=uuid4())
        second = a_start(task_id=first.task_id if of == "the same task" else uuid4())
        store = FakeLedgerStore()
        if of == "another task":  # whose cap waits for the first
            store.answers = {second.id: "wait"}
        async with running(store) as ledger:
            await ledger.end_call(agent_id="agent", call=an_end(first))
            assert await begin(ledger, second) == ["ok"]
            assert store.ended == [[first.id]]

    run()


@in_virtual_time
async def test_a_call_that_waits_for_those_of_other_agents_is_told_so() -> None:
    store, start = FakeLedgerStore(), a_start()
    store.answers = {start.id: "wait"}

    async with running(store) as ledger:
        assert await begin(ledger, start) == ["wait"]
