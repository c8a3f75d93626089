"""An agent is drained first and cancelled second."""

import asyncio
from collections.abc import Callable

import pytest

from agents.runtime.drain import Drain
from cogo.process.agent import run_until_stopped
from cogo.process.shutdown import Stop
from tests.support.eventually import eventually


async def test_the_first_request_drains_and_the_agent_ends_in_its_own_time() -> None:
    stop = Stop()
    seen: list[str] = []

    async def agent(drain: Drain, on_ready: Callable[[], None]) -> None:
        on_ready()
        await drain.begun.wait()
        seen.append("drained")

    await run_until_stopped(agent, stop, on_ready=stop.ask)

    assert seen == ["drained"]
    assert not stop.cancel.is_set()


async def test_the_second_request_cancels_an_agent_that_is_still_draining() -> None:
    stop = Stop()
    seen: list[str] = []

    async def agent(drain: Drain, on_ready: Callable[[], None]) -> None:
        on_ready()
        await drain.begun.wait()
        stop.ask()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async with asyncio.timeout(60):
        await run_until_stopped(agent, stop, on_ready=stop.ask)

    assert seen == ["cancelled"]


async def test_an_agent_that_fails_ends_the_program() -> None:
    async def agent(drain: Drain, on_ready: Callable[[], None]) -> None:
        raise ValueError("no such project")

    with pytest.raises(ExceptionGroup) as caught:
        await run_until_stopped(agent, Stop(), on_ready=lambda: None)

    assert caught.group_contains(ValueError, match="no such project")


async def test_a_parent_that_is_gone_cancels_at_once() -> None:
    stop = Stop()

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(stop.cancel.wait())
        stop.insist()
        await eventually(waiting.done)

    assert stop.drain.is_set()
