"""The life of an agent: claims, capacity, drain, and nothing held at the end."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest

from agents.runtime.agent import Agent
from agents.runtime.attempt import StopReason
from agents.runtime.completion_batcher import CompletionBatcher
from agents.runtime.health import Health
from agents.runtime.lease import LeaseKeeper
from agents.runtime.pool import Pool
from agents.runtime.wakeup import Drain, Wakeup
from protocol.errors import InvalidArgument, Unauthorized
from protocol.records import (
    Claim,
    ClaimedSubtask,
    Completion,
    FailureAction,
    LeaseRef,
    Suspension,
    UnreadableSubtask,
)
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.agents.running import (
    IDENTITY,
    at_once,
    forever,
    live,
    options,
    subtasks,
    until_drained,
)
from tests.support.agents.subtasks import done
from tests.support.eventually import eventually


async def test_everything_that_is_queued_gets_done() -> None:
    work = subtasks(50)
    store = FakeStore(queue=list(work))

    await until_drained(store, at_once, lambda: len(store.completed) == 50)

    assert {each.ref for each in store.completed} == {each.ref for each in work}


async def test_a_lease_that_cannot_be_read_ends_its_task_and_the_rest_gets_done() -> None:
    first, last = subtasks(2)
    unreadable = UnreadableSubtask(
        subtask_id=uuid4(), attempt=3, field="deadline", problem="Input should be a valid datetime"
    )
    store = FakeStore(queue=[first, unreadable, last])

    await until_drained(store, at_once, lambda: len(store.completed) == 2 and store.failed)

    [failure] = store.failed
    assert {each.ref for each in store.completed} == {first.ref, last.ref}
    assert (failure.ref, failure.action) == (unreadable.ref, FailureAction.GIVE_UP)
    assert (failure.error.class_, failure.error.field) == ("invalid_task", "deadline")
    assert failure.error.message == "deadline cannot be read: Input should be a valid datetime."


async def test_there_are_never_more_attempts_than_the_capacity() -> None:
    store = FakeStore(queue=subtasks(40))
    running, most = 0, 0

    async def work(claimed: ClaimedSubtask) -> Completion:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await asyncio.sleep(0)
        running -= 1
        return done(claimed)

    await until_drained(store, work, lambda: len(store.completed) == 40, options(capacity=3))

    assert most == 3
    assert max(limit for _, limit in store.claims) == 3
    assert max(record.running for record in store.records) <= 3


async def test_a_full_agent_fills_its_slots_as_soon_as_attempts_end() -> None:
    store = FakeStore(queue=subtasks(9))

    # Nothing rings, and it polls once an hour.
    await until_drained(
        store, at_once, lambda: len(store.completed) == 9, options(capacity=2, poll=3600)
    )


async def test_an_agent_with_slots_to_spare_looks_again_soon_after_an_attempt_has_ended() -> None:
    store = FakeStore(queue=subtasks(3))

    # The second claim finds nothing and is the last: it polls once an hour.
    await until_drained(
        store, at_once, lambda: len(store.claims) == 2, options(capacity=8, poll=3600)
    )

    assert len(store.completed) == 3


async def test_draining_claims_nothing_more_and_lets_attempts_finish() -> None:
    store = FakeStore(queue=subtasks(2))
    started, finish = asyncio.Event(), asyncio.Event()

    async def work(claimed: ClaimedSubtask) -> Completion:
        started.set()
        await finish.wait()
        return done(claimed)

    drain = Drain()
    async with asyncio.TaskGroup() as group:
        group.create_task(live(store, work, drain))
        await started.wait()
        drain.begin()
        store.queue = subtasks(1)
        claims, beats = len(store.claims), len(store.records)
        await eventually(lambda: len(store.records) > beats + 2, within=5)
        finish.set()

    assert len(store.completed) == 2
    assert len(store.claims) == claims
    assert len(store.queue) == 1


async def test_an_attempt_that_outlasts_the_grace_period_is_cancelled_and_released() -> None:
    store = FakeStore(queue=subtasks(2))

    await until_drained(store, forever, lambda: not store.queue, options(grace=0.05))

    assert store.released == ["agent"]
    assert store.completed == []
    assert store.failed == []


async def test_a_store_that_is_away_does_not_stretch_the_grace_period() -> None:
    store = FakeStore(queue=subtasks(1), errors={"complete_subtasks": AWAY})

    # The store never comes back: whoever waited for it would not end.
    async with asyncio.timeout(60):
        await until_drained(store, at_once, lambda: not store.queue, options(grace=0.2))

    assert store.completed == []


async def test_a_cancelled_agent_gives_everything_back_and_says_that_it_stopped() -> None:
    store = FakeStore(queue=subtasks(3))

    async with asyncio.TaskGroup() as group:
        task = group.create_task(live(store, forever, Drain()))
        await eventually(lambda: not store.queue, within=5)
        task.cancel()

    assert store.released == ["agent"]
    assert store.records[-1].stopped_at is not None
    assert all(record.stopped_at is None for record in store.records[:-1])


async def test_a_claim_without_an_answer_is_asked_again_under_its_id() -> None:
    work = subtasks(3)
    store = FakeStore(queue=list(work), deaf_claims=2)

    await until_drained(store, at_once, lambda: len(store.completed) == 3)

    assert len({request for request, _ in store.claims[:3]}) == 1
    assert {each.ref for each in store.completed} == {each.ref for each in work}


async def test_a_lease_counts_from_the_first_request_under_its_id() -> None:
    class Noting(FakeStore):
        async def claim_subtasks(self, **asked: Any) -> Sequence[Claim]:
            arrived.append(time.monotonic())
            return await super().claim_subtasks(**asked)

    class Keeper(LeaseKeeper):
        def hold(
            self, ref: LeaseRef, *, requested_at: float, on_stop: Callable[[StopReason], None]
        ) -> None:
            held.append(requested_at)

    arrived, held = list[float](), list[float]()
    store, given, health = Noting(queue=subtasks(1), deaf_claims=2), options(), Health()
    jitter, drain = random.Random(0), Drain()  # noqa: S311 - spreads polls
    keeper = Keeper(
        agent_id="agent",
        open_store=store.open,
        lease=given.lease,
        every=given.extend_every,
        health=health,
    )
    batcher = CompletionBatcher(agent_id="agent", store=store, jitter=jitter)
    agent = Agent(
        identity=IDENTITY,
        options=given,
        store=store,
        keeper=keeper,
        batcher=batcher,
        wakeup=Wakeup(busy=given.poll_busy, idle=given.poll_idle, jitter=jitter),
        health=health,
        jitter=jitter,
        services=asyncio.TaskGroup(),
    )
    pool = Pool(agent, lanes=lambda: ["lane"], work=at_once)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(batcher.run())
        running = group.create_task(pool.run(drain))
        await eventually(lambda: store.completed)
        drain.begin()
        await running
        sending.cancel()

    assert len(held) == 1
    assert held[0] <= arrived[0] < arrived[2]


async def test_a_claim_id_is_not_used_for_longer_than_a_lease() -> None:
    store = FakeStore(deaf_claims=1_000_000)

    await until_drained(
        store,
        at_once,
        lambda: len({request for request, _ in store.claims}) > 2,
        options(lease=0.1),
    )

    assert len(store.claims) > len({request for request, _ in store.claims})


async def test_an_answered_claim_is_never_asked_again() -> None:
    store = FakeStore()

    await until_drained(store, at_once, lambda: len(store.claims) > 5)

    assert len({request for request, _ in store.claims}) == len(store.claims)


async def test_an_agent_without_lanes_claims_nothing() -> None:
    store = FakeStore(queue=subtasks(1))
    drain = Drain()

    async with asyncio.TaskGroup() as group:
        group.create_task(live(store, at_once, drain, lanes=list[str]))
        await eventually(lambda: len(store.records) > 3, within=5)
        drain.begin()

    assert store.claims == []


async def test_a_subtask_that_was_cancelled_is_reported_as_such() -> None:
    (claimed,) = subtasks(1)
    store = FakeStore(queue=[claimed], verdicts={claimed.ref: "cancel"})

    await until_drained(store, forever, lambda: store.failed, options(lease=0.2))

    assert [each.error.class_ for each in store.failed] == ["cancelled"]


async def test_an_attempt_whose_lease_is_lost_writes_nothing() -> None:
    (claimed,) = subtasks(1)
    store = FakeStore(queue=[claimed], verdicts={claimed.ref: "lost"})
    ended = asyncio.Event()

    async def work(given: ClaimedSubtask) -> Completion:
        try:
            return await forever(given)
        finally:
            ended.set()

    await until_drained(store, work, ended.is_set, options(lease=0.2))

    assert (store.completed, store.failed) == ([], [])


async def test_an_output_that_the_database_refuses_fails_its_task_and_no_other() -> None:
    work = subtasks(5)
    refused, invalid = work[1].ref, work[3].ref
    store = FakeStore(
        queue=list(work), poison={refused: InvalidArgument("no object")}, invalid={invalid}
    )

    await until_drained(store, at_once, lambda: len(store.failed) == 2)

    assert {each.ref: each.error.class_ for each in store.failed} == {
        refused: "not_stored",
        invalid: "not_stored",
    }
    assert len(store.completed) == 3


async def test_steps_that_the_database_refuses_are_an_error_of_the_workflow() -> None:
    (claimed,) = subtasks(1)
    store = FakeStore(queue=[claimed], invalid={claimed.ref})

    async def suspend(given: ClaimedSubtask) -> Completion:
        return Completion(ref=given.ref, suspend=Suspension(awaits=["draft"]))

    await until_drained(store, suspend, lambda: store.failed)

    [failure] = store.failed
    assert failure.error.class_ == "workflow_error"
    assert "refused what the workflow asks for" in failure.error.message


async def test_a_failure_that_cannot_be_recorded_does_not_end_the_agent() -> None:
    store = FakeStore(queue=subtasks(1), errors={"fail_subtask": InvalidArgument("odd")})

    async def work(claimed: ClaimedSubtask) -> Completion:
        raise ZeroDivisionError

    drain = Drain()
    async with asyncio.TaskGroup() as group:
        group.create_task(live(store, work, drain))
        await eventually(lambda: not store.queue, within=5)
        claims = len(store.claims)
        await eventually(lambda: len(store.claims) > claims + 2, within=5)
        drain.begin()


@pytest.mark.parametrize("method", ["record_agent", "claim_subtasks", "complete_subtasks"])
async def test_an_agent_waits_for_a_store_that_is_away(method: str) -> None:
    store = FakeStore(queue=subtasks(3), errors={method: AWAY})
    drain = Drain()

    async with asyncio.TaskGroup() as group:
        group.create_task(live(store, at_once, drain))
        await eventually(lambda: store.asked[method], within=5)
        store.errors.clear()
        await eventually(lambda: len(store.completed) == 3, within=5)
        drain.begin()


@pytest.mark.parametrize("method", ["record_agent", "claim_subtasks", "complete_subtasks", "all"])
async def test_a_project_that_cannot_be_used_ends_the_agent(method: str) -> None:
    store = FakeStore(queue=subtasks(3), errors={method: Unauthorized("the key is wrong")})

    with pytest.raises((Unauthorized, ExceptionGroup)) as caught:
        await asyncio.wait_for(live(store, at_once, Drain()), 60)

    assert "Unauthorized" in _names(caught.value)
    assert store.opened == store.closed


async def test_an_unusable_project_is_raised_without_a_group_at_the_start() -> None:
    store = FakeStore(errors={"record_agent": Unauthorized("the key is wrong")})

    with pytest.raises(Unauthorized):
        await live(store, at_once, Drain())


async def test_the_end_of_the_lease_keeper_is_the_end_of_the_agent() -> None:
    class Crashing(FakeStore):
        async def extend_leases(self, **_: object) -> list[object]:  # type: ignore[override]
            raise ZeroDivisionError

    store = Crashing(queue=subtasks(1))

    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(live(store, forever, Drain(), options(lease=0.2)), 60)

    assert "ZeroDivisionError" in _names(caught.value)
    assert store.released == ["agent"]


def _names(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return " ".join(map(_names, error.exceptions))
    return type(error).__name__
