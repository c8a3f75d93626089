"""Deadlines of a call."""

import asyncio
from datetime import timedelta
from typing import Final

import pytest

from providers.adapters.base import Timeouts
from providers.adapters.http.deadlines import Deadlines
from providers.errors import TimedOut, TimeoutPhase
from tests.support.virtual_time import in_virtual_time

SOON: Final = timedelta(milliseconds=20)
LONG: Final = timedelta(minutes=5)


async def never() -> None:
    await asyncio.Event().wait()


def patient(
    *, first_token: timedelta = LONG, stall: timedelta = LONG, total: timedelta = LONG
) -> Timeouts:
    return Timeouts(first_token=first_token, stall=stall, total=total)


@pytest.mark.parametrize(
    ("timeouts", "talking", "whole", "phase"),
    [
        (patient(first_token=SOON), False, False, TimeoutPhase.FIRST_TOKEN),
        (patient(stall=SOON), True, False, TimeoutPhase.STALL),
        (patient(total=SOON), False, False, TimeoutPhase.TOTAL),
        (patient(total=SOON), True, False, TimeoutPhase.TOTAL),
        (patient(first_token=timedelta(), total=SOON), False, True, TimeoutPhase.TOTAL),
    ],
    ids=["first token", "stall", "total before", "total after", "whole"],
)
async def test_a_wait_ends_at_the_nearest_deadline_and_names_it(
    timeouts: Timeouts, talking: bool, whole: bool, phase: TimeoutPhase
) -> None:
    with Deadlines("a-vendor", timeouts, stream=not whole) as deadlines:
        if talking:
            deadlines.mark_first_token()

        with pytest.raises(TimedOut) as caught:
            await deadlines.wait(never())

    assert caught.value.phase is phase
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@in_virtual_time
async def test_a_deadline_of_an_earlier_wait_ends_no_later_one() -> None:
    later = asyncio.Event()
    loop = asyncio.get_running_loop()

    with Deadlines("a-vendor", patient(first_token=SOON)) as deadlines:
        await deadlines.wait(asyncio.sleep(0))
        deadlines.mark_first_token()
        loop.call_later(3 * SOON.total_seconds(), later.set)
        assert await deadlines.wait(later.wait())


@in_virtual_time
async def test_the_stall_timeout_does_not_run_between_waits() -> None:
    with Deadlines("a-vendor", patient(stall=SOON)) as deadlines:
        deadlines.mark_first_token()
        await deadlines.wait(asyncio.sleep(0))
        await asyncio.sleep(2 * SOON.total_seconds())
        await deadlines.wait(asyncio.sleep(0))


async def test_a_cancelled_call_is_cancelled_even_when_it_is_also_late() -> None:
    begun = asyncio.Event()
    seen: list[BaseException] = []

    async def listen() -> None:
        with Deadlines("a-vendor", patient(first_token=timedelta())) as deadlines:
            begun.set()
            try:
                await deadlines.wait(never())
            except BaseException as error:
                seen.append(error)
                raise

    async with asyncio.TaskGroup() as group:
        task = group.create_task(listen(), name="listen")
        await begun.wait()
        task.cancel()

    assert task.cancelled()
    assert isinstance(seen[0], asyncio.CancelledError)


async def test_a_timeout_inside_the_step_is_not_taken_for_a_deadline() -> None:
    with (
        Deadlines("a-vendor", patient()) as deadlines,
        pytest.raises(TimeoutError, match="theirs"),
    ):
        await deadlines.wait(_theirs())


async def _theirs() -> None:
    raise TimeoutError("theirs")
