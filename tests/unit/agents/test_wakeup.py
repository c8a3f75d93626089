"""When agents look for work."""

import asyncio
import random
from datetime import timedelta

from agents.runtime.wakeup import Wakeup
from tests.support.eventually import eventually


class _NoJitter(random.Random):
    def uniform(self, a: float, b: float) -> float:
        assert (a, b) == (0.8, 1.2)
        return 1.0


def a_wakeup(busy: float, idle: float) -> Wakeup:
    return Wakeup(busy=timedelta(seconds=busy), idle=timedelta(seconds=idle), jitter=_NoJitter())


async def waited(wakeup: Wakeup) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await wakeup.wait()
    return loop.time() - began


async def test_the_interval_doubles_up_to_idle_while_nothing_is_found() -> None:
    wakeup = a_wakeup(busy=0.02, idle=0.08)

    waits = [await waited(wakeup) for _ in range(4)]

    assert all(wait >= least for wait, least in zip(waits, [0.02, 0.04, 0.08, 0.08], strict=True))
    assert waits[3] < 0.16


async def test_work_makes_the_interval_short_again() -> None:
    wakeup = a_wakeup(busy=0.02, idle=10)
    for _ in range(3):
        await wakeup.wait()

    wakeup.found_work()

    assert await waited(wakeup) < 0.16


async def test_a_ring_ends_the_wait() -> None:
    wakeup = a_wakeup(busy=60, idle=60)

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(wakeup.wait())
        await asyncio.sleep(0)
        wakeup.ring()
        wakeup.ring()
        await eventually(waiting.done, within=2)


async def test_a_ring_before_the_wait_is_not_lost_and_counts_once() -> None:
    wakeup = a_wakeup(busy=0.2, idle=0.2)
    wakeup.ring()
    wakeup.ring()

    assert await waited(wakeup) < 0.2
    assert await waited(wakeup) >= 0.2


async def test_rings_for_soon_end_one_wait_together() -> None:
    wakeup = a_wakeup(busy=0.3, idle=0.3)
    wakeup.ring_soon()
    wakeup.ring_soon()

    assert await waited(wakeup) < 0.3
    assert await waited(wakeup) >= 0.3


async def test_a_ring_for_soon_is_forgotten_when_something_else_wakes() -> None:
    wakeup = a_wakeup(busy=0.3, idle=0.3)
    wakeup.ring_soon()
    wakeup.ring()
    await wakeup.wait()

    assert await waited(wakeup) >= 0.3
