"""Outages of the store: short ones cost little, long ones cause no storm of requests."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

from agents.runtime.agent import Agent
from agents.runtime.completion_batcher import CompletionBatcher
from agents.runtime.health import Health
from agents.runtime.lease import LeaseKeeper
from agents.runtime.pool import Pool
from agents.runtime.wakeup import Drain, Wakeup
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.agents.running import IDENTITY, at_once, options
from tests.support.eventually import eventually

JITTER = random.Random(0)  # noqa: S311 - spreads polls
SHORT = timedelta(milliseconds=1)


class NotingWakeup(Wakeup):
    """Counts resets of the poll interval."""

    resets = 0

    def reset_interval(self) -> None:
        self.resets += 1
        super().reset_interval()


def more_than(most: int, count: Callable[[], int]) -> Callable[[], bool]:
    return lambda: count() > most


async def test_the_first_claim_that_fails_is_repeated_soon_and_later_ones_ever_less() -> None:
    store, health, drain = FakeStore(), Health(), Drain()
    wakeup = NotingWakeup(busy=SHORT, idle=SHORT * 4, jitter=JITTER)
    keeper = LeaseKeeper(
        agent_id="agent", open_store=store.open, lease=SHORT, every=SHORT, health=health
    )
    agent = Agent(
        identity=IDENTITY,
        options=options(),
        store=store,
        keeper=keeper,
        batcher=CompletionBatcher(agent_id="agent", store=store, jitter=JITTER),
        wakeup=wakeup,
        health=health,
        jitter=JITTER,
        services=asyncio.TaskGroup(),
    )
    pool = Pool(agent, lanes=lambda: ["lane"], work=at_once)

    def tried() -> int:
        return store.asked["claim_subtasks"]

    def answered() -> int:
        return len(store.claims)

    async with asyncio.TaskGroup() as group:
        group.create_task(pool.run(drain))
        for outage in (1, 2):
            store.errors["claim_subtasks"] = AWAY
            await eventually(more_than(store.asked["claim_subtasks"] + 5, tried))
            assert wakeup.resets == outage

            store.errors.clear()
            await eventually(more_than(len(store.claims) + 2, answered))
        drain.begin()
