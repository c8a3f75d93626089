"""The lease keeper: leases kept, lost and reported."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from agents.runtime.attempt import StopReason
from agents.runtime.health import Health
from agents.runtime.lease import LeaseKeeper
from agents.runtime.options import RuntimeOptions
from protocol.errors import Unauthorized
from protocol.records import (
    Checkpoint,
    ClaimedSubtask,
    Completion,
    Extension,
    LeaseAnswer,
    LeaseRef,
)
from protocol.store.queue import QueueStore
from tests.support.agents.fake_store import AWAY, FakeStore, a_ref
from tests.support.agents.running import subtasks, until_drained
from tests.support.agents.subtasks import done
from tests.support.eventually import eventually

LEASE = timedelta(seconds=2)  # so long that a machine that stalls for a second costs no lease
BRIEF = timedelta(milliseconds=300)  # for tests that wait for the end of a lease
EVERY = timedelta(milliseconds=30)


def a_keeper(
    store: FakeStore,
    *,
    lease: timedelta = LEASE,
    every: timedelta = EVERY,
    health: Health | None = None,
) -> LeaseKeeper:
    return LeaseKeeper(
        agent_id="agent",
        open_store=store.open,
        lease=lease,
        every=every,
        health=health or Health(),
    )


def hold(keeper: LeaseKeeper) -> tuple[LeaseRef, list[StopReason]]:
    ref, told = a_ref(), list[StopReason]()
    keeper.hold(ref, requested_at=time.monotonic(), on_stop=told.append)
    return ref, told


async def until_past_a_lease(probe: Callable[[], object] = bool) -> None:
    """Wait until a lease that was granted before this call would have ended, unless extended."""
    ends = time.monotonic() + 1.1 * LEASE.total_seconds()

    def is_past() -> bool:
        probe()
        return time.monotonic() > ends

    await eventually(is_past)


def keys(store: FakeStore) -> list[set[LeaseRef]]:
    return [
        {LeaseRef(subtask_id=each.subtask_id, attempt=each.attempt) for each in call}
        for call in store.extensions
    ]


async def test_all_leases_of_a_process_are_extended_in_one_call() -> None:
    store = FakeStore()

    async with a_keeper(store) as keeper:
        held = {hold(keeper)[0] for _ in range(20)}

        await eventually(lambda: held in keys(store))


async def test_a_lease_is_kept_for_as_long_as_it_is_held() -> None:
    store = FakeStore()

    async with a_keeper(store) as keeper:
        ref, told = hold(keeper)
        await until_past_a_lease()

        assert told == []
        keeper.drop(ref)
        calls = len(store.extensions)
        other, _ = hold(keeper)
        await eventually(lambda: {other} in keys(store)[calls:])


async def test_a_checkpoint_is_sent_once() -> None:
    store = FakeStore()
    text = Checkpoint(content="so far")

    async with a_keeper(store) as keeper:
        ref, _ = hold(keeper)
        keeper.checkpoint(ref, text)
        await eventually(lambda: len(store.extensions) > 4)

    assert [call[0].checkpoint for call in store.extensions if call[0].checkpoint] == [text]


class Meanwhile(FakeStore):
    """Runs a function between its first request to extend and the reply."""

    happens: Callable[[], Awaitable[None]] | None = None

    async def extend_leases(
        self, *, agent_id: str, leases: Sequence[Extension], lease: timedelta
    ) -> list[LeaseAnswer]:
        answers = await super().extend_leases(agent_id=agent_id, leases=leases, lease=lease)
        happens, self.happens = self.happens, None
        if happens is not None:
            await happens()
        return answers


async def test_a_newer_checkpoint_is_not_dropped_by_the_reply_to_an_older_one() -> None:
    store = Meanwhile()
    older, newer = Checkpoint(content="so"), Checkpoint(content="so far")
    keeper = a_keeper(store)
    ref, _ = hold(keeper)
    keeper.checkpoint(ref, older)

    async def write() -> None:
        keeper.checkpoint(ref, newer)

    store.happens = write
    async with keeper:
        await eventually(lambda: len(store.extensions) > 3)

    sent = [call[0].checkpoint for call in store.extensions]
    assert sent[:3] == [older, newer, None]


async def test_a_dropped_lease_is_not_reported_to_its_former_holder() -> None:
    store = Meanwhile()
    keeper = a_keeper(store)
    ref, told = hold(keeper)
    store.verdicts[ref] = "lost"

    async def let_go() -> None:
        keeper.drop(ref)

    store.happens = let_go
    async with keeper:
        other, _ = hold(keeper)
        await eventually(lambda: {other} in keys(store))

    assert told == []


async def test_an_extension_counts_from_the_request_and_not_from_the_reply() -> None:
    store = Meanwhile()
    keeper = a_keeper(store, lease=BRIEF)
    told: list[str] = []

    def hold_named(name: str) -> None:
        keeper.hold(a_ref(), requested_at=time.monotonic(), on_stop=lambda _: told.append(name))

    async def claim() -> None:
        await asyncio.sleep(0.05)
        hold_named("granted after the request")
        await asyncio.sleep(0.05)
        store.errors["extend_leases"] = AWAY

    hold_named("extended by the request")
    store.happens = claim
    async with keeper:
        await eventually(lambda: len(told) == 2)

    assert told == ["extended by the request", "granted after the request"]


async def test_a_checkpoint_survives_a_call_that_failed() -> None:
    store = FakeStore(errors={"extend_leases": AWAY})
    text = Checkpoint(content="so far")

    def sent() -> list[Checkpoint | None]:
        return [call[0].checkpoint for call in store.extensions]

    async with a_keeper(store) as keeper:
        ref, _ = hold(keeper)
        keeper.checkpoint(ref, text)
        await eventually(lambda: sent().count(text) > 1)
        refused = len(sent())
        store.errors.clear()
        await eventually(lambda: sent()[-1] is None)

    # The thread may have asked once before the text was there.
    assert set(sent()[sent().index(text) : refused]) == {text}


@pytest.mark.parametrize("verdict", list(StopReason))
async def test_a_holder_is_told_once_that_it_must_stop(verdict: StopReason) -> None:
    store = FakeStore()

    async with a_keeper(store) as keeper:
        ref, told = hold(keeper)
        store.verdicts[ref] = verdict.value
        other, _ = hold(keeper)
        await eventually(lambda: told)
        await eventually(lambda: keys(store)[-1] == {other})

    assert told == [verdict]


async def test_without_the_store_a_holder_is_told_lost_when_its_lease_ends() -> None:
    store = FakeStore(errors={"all": AWAY})

    async with a_keeper(store, lease=BRIEF) as keeper:
        began = time.monotonic()
        _, told = hold(keeper)
        await eventually(lambda: told)
        passed = time.monotonic() - began

    assert told == [StopReason.LOST]
    assert BRIEF.total_seconds() <= passed


async def test_a_call_that_hangs_does_not_delay_the_end_of_a_lease() -> None:
    class Stuck(FakeStore):
        async def extend_leases(self, **_: object) -> list[LeaseAnswer]:
            while not told:  # whoever tells only between calls never tells
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    if told:
                        raise
            return []

    told: list[StopReason] = []
    async with a_keeper(Stuck(), lease=BRIEF) as keeper:
        keeper.hold(a_ref(), requested_at=time.monotonic(), on_stop=told.append)
        try:
            await eventually(lambda: told)
        finally:
            told = told or [StopReason.CANCELLED]  # lets the thread end

    assert told == [StopReason.LOST]


async def test_a_call_that_hangs_is_given_up_after_half_a_lease_and_the_next_one_is_made() -> None:
    store = FakeStore(hanging={"extend_leases"})
    far_off = time.monotonic() + timedelta(hours=1).total_seconds()

    async with a_keeper(store, lease=BRIEF) as keeper:
        # A lease that does not end meanwhile.
        keeper.hold(a_ref(), requested_at=far_off, on_stop=lambda _: None)
        await eventually(lambda: store.asked["extend_leases"] > 1)


async def test_one_failed_call_does_not_cost_a_lease() -> None:
    store = FakeStore(errors={"extend_leases": AWAY})

    async with a_keeper(store) as keeper:
        _, told = hold(keeper)
        await eventually(lambda: store.extensions)
        store.errors.clear()
        await until_past_a_lease()

    assert told == []


async def test_a_blocked_loop_keeps_its_leases() -> None:
    store = FakeStore()

    async with a_keeper(store) as keeper:
        _, told = hold(keeper)
        time.sleep(1.1 * LEASE.total_seconds())  # noqa: ASYNC251 - blocking the loop is the point
        calls = len(store.extensions)
        await asyncio.sleep(0)

        assert calls
        assert told == []


async def test_a_process_whose_claim_loop_is_dead_loses_its_leases() -> None:
    store = FakeStore()

    health = Health(stalled_after=timedelta(seconds=0.2))

    async with a_keeper(store, lease=BRIEF, health=health) as keeper:
        _, told = hold(keeper)
        await eventually(lambda: told)

        assert told == [StopReason.LOST]


async def test_a_claim_loop_that_beats_keeps_its_leases() -> None:
    store = FakeStore()

    health = Health(stalled_after=timedelta(seconds=0.1))

    async with a_keeper(store, health=health) as keeper:
        _, told = hold(keeper)
        await until_past_a_lease(health.mark_alive)

        assert told == []


async def test_extend_now_extends_at_once() -> None:
    store = FakeStore()

    async with a_keeper(store, lease=timedelta(hours=2), every=timedelta(hours=1)) as keeper:
        ref, told = hold(keeper)
        store.verdicts[ref] = "cancel"

        def hurried() -> bool:
            keeper.extend_now()
            return bool(told)

        await eventually(hurried)

    assert told == [StopReason.CANCELLED]


async def test_an_error_of_the_thread_ends_its_watcher_and_all_leases() -> None:
    class Crashing(FakeStore):
        async def extend_leases(self, **_: object) -> list[object]:  # type: ignore[override]
            raise ZeroDivisionError

    async with a_keeper(Crashing()) as keeper:
        _, told = hold(keeper)

        with pytest.raises(ExceptionGroup) as caught:
            await keeper.join()

        assert caught.group_contains(ZeroDivisionError)
        assert told == [StopReason.LOST]


async def test_a_store_that_cannot_be_opened_ends_the_watcher() -> None:
    @asynccontextmanager
    async def refuse() -> AsyncIterator[QueueStore]:
        raise Unauthorized("the key is not accepted")
        yield  # type: ignore[unreachable]  # makes it a generator

    keeper = LeaseKeeper(
        agent_id="agent",
        open_store=refuse,
        lease=LEASE,
        every=EVERY,
        health=Health(),
    )
    async with keeper:
        with pytest.raises(Unauthorized):
            await keeper.join()


@pytest.mark.parametrize("hanging", [set[str](), {"extend_leases"}])
async def test_stopping_waits_for_no_call(hanging: set[str]) -> None:
    store = FakeStore(hanging=hanging)

    async with a_keeper(store, lease=timedelta(hours=2)) as keeper:
        hold(keeper)
        await eventually(lambda: store.extensions)

    # A call may hang for half a lease, an hour: who waited for it would leave the store open.
    assert (store.opened, store.closed) == (1, 1)


async def test_starting_and_stopping_leaves_nothing_behind() -> None:
    store = FakeStore()

    for _ in range(50):
        async with a_keeper(store) as keeper:
            hold(keeper)
            keeper.extend_now()
        keeper.extend_now()  # a late message after the end

    assert store.opened == store.closed


async def test_leases_are_kept_through_a_grace_that_is_longer_than_a_stall() -> None:
    store = FakeStore(queue=subtasks(1))
    given = RuntimeOptions(
        lease=timedelta(seconds=2),
        extend_every=timedelta(seconds=0.05),
        stalled_after=timedelta(seconds=0.1),
        poll_busy=timedelta(seconds=0.01),
        poll_idle=timedelta(seconds=0.01),
    )

    async def slow(claimed: ClaimedSubtask) -> Completion:
        ends = time.monotonic() + 2.2
        await eventually(lambda: time.monotonic() > ends)
        return done(claimed)

    await until_drained(store, slow, lambda: not store.queue, given)

    assert len(store.completed) == 1
