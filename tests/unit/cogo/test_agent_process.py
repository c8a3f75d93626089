"""An agent is drained first and cancelled second."""

import asyncio
from collections.abc import Callable

import pytest

from agents.runtime.wakeup import Drain
from cogo.process.agent import run_until_stopped
from cogo.process.shutdown import Shutdown


async def test_the_first_request_drains_and_the_agent_ends_in_its_own_time() -> None:
    shutdown = Shutdown()
    seen: list[str] = []

    async def agent(drain: Drain, on_ready: Callable[[], None]) -> None:
        on_ready()
        await drain.begun.wait()
        seen.append("drained")

    await run_until_stopped(agent, shutdown, on_ready=shutdown.request)

    assert seen == ["drained"]
    assert not shutdown.cancel.is_set()


async def test_the_second_request_cancels_an_agent_that_is_still_draining() -> None:
    shutdown = Shutdown()
    seen: list[str] = []

    async def agent(drain: Drain, on_ready: Callable[[], None]) -> None:
        on_ready()
        await drain.begun.wait()
        shutdown.request()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async with asyncio.timeout(60):
        await run_until_stopped(agent, shutdown, on_ready=shutdown.request)

    assert seen == ["cancelled"]


async def test_an_agent_that_fails_ends_the_program() -> None:
    async def agent(drain: Drain, on_ready: Callable[[], None]) -> None:
        raise ValueError("no such project")

    with pytest.raises(ExceptionGroup) as caught:
        await run_until_stopped(agent, Shutdown(), on_ready=lambda: None)

    assert caught.group_contains(ValueError, match="no such project")
