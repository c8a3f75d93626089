"""When agents look for work."""

import asyncio
import random
from datetime import timedelta

from agents.runtime.wakeup import Wakeup
from tests.support.virtual_time import in_virtual_time


class _NoJitter(random.Random):
    def uniform(self, a: float, b: float) -> float:
        assert (a, b) == (0.8, 1.2)
        return 1.0


def a_wakeup(busy: float, idle: float) -> Wakeup:
    return Wakeup(busy=timedelta(seconds=busy), idle=timedelta(seconds=idle), jitter=_NoJitter())


async def waited(wakeup: Wakeup) -> float:
    """Seconds by the loop's own clock, which jumps: exact, and nobody waits for them."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await wakeup.wait()
    return round(loop.time() - began, 6)


@in_virtual_time
async def test_the_interval_doubles_up_to_idle_while_nothing_is_found() -> None:
    wakeup = a_wakeup(busy=2, idle=8)

    assert [await waited(wakeup) for _ in range(4)] == [2, 4, 8, 8]


@in_virtual_time
async def test_work_makes_the_interval_short_again() -> None:
    wakeup = a_wakeup(busy=2, idle=1000)
    for _ in range(3):
        await wakeup.wait()

    wakeup.reset_interval()

    assert await waited(wakeup) == 2


@in_virtual_time
async def test_a_notification_ends_the_wait() -> None:
    wakeup = a_wakeup(busy=60, idle=60)

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(waited(wakeup))
        await asyncio.sleep(7)
        wakeup.notify()
        wakeup.notify()

    assert waiting.result() == 7


@in_virtual_time
async def test_a_ring_before_the_wait_is_not_lost_and_counts_once() -> None:
    wakeup = a_wakeup(busy=60, idle=60)
    wakeup.notify()
    wakeup.notify()

    assert [await waited(wakeup) for _ in range(2)] == [0, 60]


@in_virtual_time
async def test_notifications_in_quick_succession_end_one_wait() -> None:
    wakeup = a_wakeup(busy=60, idle=60)
    wakeup.notify_soon()
    wakeup.notify_soon()

    soon, later = [await waited(wakeup) for _ in range(2)]

    assert 0 < soon < 1
    assert later == 60


@in_virtual_time
async def test_a_ring_for_soon_is_forgotten_when_something_else_wakes() -> None:
    wakeup = a_wakeup(busy=60, idle=60)
    wakeup.notify_soon()
    wakeup.notify()

    assert [await waited(wakeup) for _ in range(2)] == [0, 60]
