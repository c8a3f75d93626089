"""Claims that are sent with completions: one round trip, and nothing lost with its answer."""

import asyncio
from typing import Any

import pytest

from agents.runtime.agent import open_agent
from agents.runtime.pool import run_pool
from agents.runtime.wakeup import Drain, Wakeup
from protocol.records import ClaimedSubtask, Completion, RoundTrip
from tests.support.agents.fake_store import FakeStore
from tests.support.agents.running import (
    IDENTITY,
    at_once,
    live,
    options,
    subtasks,
    until_drained,
)
from tests.support.agents.subtasks import done
from tests.support.eventually import eventually


async def give_way(times: int) -> None:
    """Return after so many turns of the event loop."""
    for _ in range(times):
        await asyncio.sleep(0)


async def test_work_is_claimed_with_the_completions_that_free_its_slots() -> None:
    store = FakeStore(queue=subtasks(40))

    await until_drained(
        store, at_once, lambda: len(store.completed) == 40, options(capacity=4, poll=3600)
    )

    assert store.claims_with_completions >= 9
    # The loop itself claims first, and once more at most: nothing rings, and it polls once an hour.
    assert len(store.claims) - store.claims_with_completions <= 2


async def test_nothing_is_claimed_again_after_completions_that_found_the_queue_empty() -> None:
    store = FakeStore(queue=subtasks(3))
    beats = 0

    def is_over() -> bool:
        nonlocal beats
        beats = beats or (len(store.records) if len(store.completed) == 3 else 0)
        # Heartbeats take 20 ms, and an agent looks again 50 ms after an attempt has ended.
        return beats > 0 and len(store.records) > beats + 5

    await until_drained(store, at_once, is_over, options(capacity=8, poll=3600))

    assert len(store.claims) - store.claims_with_completions == 1


async def test_completions_that_waited_for_others_claim_for_their_slots_too() -> None:
    class Slow(FakeStore):
        async def complete_and_claim(self, **asked: Any) -> RoundTrip:
            await give_way(12)  # other attempts end meanwhile, and wait
            return await super().complete_and_claim(**asked)

    store = Slow(queue=subtasks(60))
    started = 0

    async def one_after_another(claimed: ClaimedSubtask) -> Completion:
        nonlocal started
        started += 1
        await give_way(4 * (started % 4))
        return done(claimed)

    await until_drained(
        store, one_after_another, lambda: len(store.completed) == 60,
        options(capacity=4, poll=3600),
    )  # fmt: skip

    assert store.claims_with_completions == len(store.batches)
    assert len(store.claims) - store.claims_with_completions <= 2


@pytest.mark.parametrize("lost", [1, 3])
async def test_a_lost_answer_to_completions_loses_neither_these_nor_what_was_claimed(
    lost: int,
) -> None:
    work = subtasks(9)
    store = FakeStore(queue=list(work))

    async def lose_answers(claimed: ClaimedSubtask) -> Completion:
        if len(store.claims) == 1:
            store.deaf_claims = lost
        return done(claimed)

    await until_drained(
        store, lose_answers, lambda: len({each.ref for each in store.completed}) == 9,
        options(capacity=3),
    )  # fmt: skip

    assert {each.ref for each in store.completed} == {each.ref for each in work}
    repeated = [request for request, _ in store.claims[1 : lost + 2]]
    assert len(set(repeated)) == 1


async def test_a_refused_claim_is_repeated_by_itself() -> None:
    class Refusing(FakeStore):
        async def complete_and_claim(self, **asked: Any) -> RoundTrip:
            result = await super().complete_and_claim(**asked | {"claim": None})
            return result.model_copy(update={"refusal": "there are limits"})

    store = Refusing(queue=subtasks(9))

    await until_drained(
        store, at_once, lambda: len(store.completed) == 9, options(capacity=2, poll=3600)
    )

    assert store.claims_with_completions == 0


async def test_what_claims_pass_over_because_it_is_locked_is_found_by_a_poll() -> None:
    class Locked(FakeStore):
        async def complete_and_claim(self, **asked: Any) -> RoundTrip:
            result = await super().complete_and_claim(**asked | {"claim": None})
            return result.model_copy(update={"claimed": []})

    store = Locked(queue=subtasks(9))

    await until_drained(store, at_once, lambda: len(store.completed) == 9, options(capacity=3))

    assert store.claims_with_completions == 0


async def test_a_message_during_a_claim_causes_another_claim() -> None:
    rung: list[Wakeup] = []

    class Late(FakeStore):
        async def complete_and_claim(self, **asked: Any) -> RoundTrip:
            result = await super().complete_and_claim(**asked)
            if len(self.completed) == 1:  # queued and announced after the claim has looked
                self.queue = subtasks(1)
                rung[0].notify()
                await give_way(3)
            return result

    store, drain = Late(queue=subtasks(1)), Drain()

    async def work(store: FakeStore) -> None:
        async with open_agent(
            open_store=store.open, identity=IDENTITY, options=options(poll=3600), drain=drain
        ) as agent:
            rung.append(agent.wakeup)
            await run_pool(agent, lanes=lambda: ["lane"], work=at_once, drain=drain)

    async with asyncio.TaskGroup() as group:
        group.create_task(work(store))
        await eventually(lambda: len(store.completed) == 2, within=5, every=0.005)
        drain.begin()


async def test_what_is_claimed_while_the_agent_begins_to_drain_gets_done() -> None:
    drain = Drain()

    class Late(FakeStore):
        async def complete_and_claim(self, **asked: Any) -> RoundTrip:
            result = await super().complete_and_claim(**asked)
            drain.begin()
            await asyncio.sleep(0)
            return result

    store = Late(queue=subtasks(4))

    await live(store, at_once, drain, options(capacity=2))

    assert len(store.completed) == 4
    assert store.claims_with_completions == 1
