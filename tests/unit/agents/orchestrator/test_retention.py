"""Retention: runs until nothing is left, in bounded steps."""

from datetime import timedelta

from agents.orchestrator.retention import MAX_STEPS, prune_regularly, sweep
from agents.runtime.options import Retention
from tests.support.agents.fake_store import AWAY, FakeStore


async def test_a_sweep_goes_on_until_nothing_is_left() -> None:
    store = FakeStore(old_tasks=[100, 100, 7])

    async def step() -> int:
        return await store.prune(older_than=timedelta(days=30))

    assert await sweep("tasks", step) == 207
    assert store.old_tasks == []


async def test_a_sweep_that_always_finds_more_ends() -> None:
    steps = 0

    async def step() -> int:
        nonlocal steps
        steps += 1
        return 1

    assert await sweep("tasks", step) == MAX_STEPS == steps


async def test_a_store_that_is_away_ends_a_sweep_and_nothing_else() -> None:
    store = FakeStore(errors={"prune": AWAY})

    async def step() -> int:
        return await store.prune(older_than=timedelta(days=30))

    assert await sweep("tasks", step) == 0


async def test_without_a_retention_nothing_is_forgotten() -> None:
    store = FakeStore(old_tasks=[1])

    await prune_regularly(store, Retention())

    assert store.old_tasks == [1]
