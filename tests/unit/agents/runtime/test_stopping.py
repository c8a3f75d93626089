"""An agent can be stopped at any moment, also before it has started."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from agents.runtime.wakeup import Drain
from protocol.errors import StoreUnavailable
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.agents.running import at_once, forever, live, subtasks
from tests.support.eventually import eventually


@pytest.mark.parametrize("errors", [{}, {"all": AWAY}, {"claim_subtasks": AWAY}])
async def test_an_agent_drains_before_it_has_started(errors: dict[str, StoreUnavailable]) -> None:
    store = FakeStore(queue=subtasks(1), errors=dict(errors))
    drain = Drain()
    drain.begin()

    await asyncio.wait_for(live(store, forever, drain), 60)

    assert store.claims == []


async def test_an_agent_that_waits_for_its_store_drains_at_once() -> None:
    store = FakeStore(errors={"all": AWAY})
    drain = Drain()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(live(store, forever, drain))
        await eventually(lambda: store.asked["record_agent"] >= 3)  # the next in a second or more
        tries = store.asked["record_agent"]
        drain.begin()
        await asyncio.wait_for(task, 60)

    assert store.asked["record_agent"] == tries + 1  # the farewell, and no further try


async def _drain(drain: Drain, _: "asyncio.Task[None]") -> None:
    drain.begin()


async def _cancel(_: Drain, task: "asyncio.Task[None]") -> None:
    task.cancel()


async def _drain_then_cancel(drain: Drain, task: "asyncio.Task[None]") -> None:
    drain.begin()
    await asyncio.sleep(0)
    task.cancel()


STOPS = (_drain, _cancel, _drain_then_cancel)


async def test_agents_can_be_stopped_in_any_turn_of_their_life() -> None:
    stores = []

    async def one(
        turns: int, stop: Callable[[Drain, "asyncio.Task[None]"], Awaitable[None]]
    ) -> None:
        store = FakeStore(queue=subtasks(5))
        stores.append(store)
        drain = Drain()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(live(store, at_once, drain))
            for _ in range(turns):
                await asyncio.sleep(0)
            await stop(drain, task)

    for round_ in range(10):
        async with asyncio.TaskGroup() as group:
            for turns in range(50):
                group.create_task(one(turns, STOPS[(round_ + turns) % len(STOPS)]))

    assert all(store.opened == store.closed for store in stores)
    assert all(store.released == ["agent"] for store in stores if store.claims)
    assert any(store.claims for store in stores)
    assert any(not store.claims for store in stores)
