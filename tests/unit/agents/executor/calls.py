"""An executor that runs only calls of tools."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from agents.executor.service import run_executor
from agents.runtime.options import RuntimeOptions
from agents.runtime.wakeup import Drain
from agents.tools.host import ToolHost
from agents.tools.mcp import McpHost
from providers.catalogue.catalogue import Catalogue
from providers.router import Router
from tests.support.agents.fake_bus import FakeBus
from tests.support.agents.fake_store import FakeStore
from tests.support.agents.running import IDENTITY
from tests.support.eventually import eventually

REAPED = {"attempt": 1, "outcome": "reaped", "error": {"class": "lease_expired"}}
RELEASED = {"attempt": 1, "outcome": "released", "error": {"class": "released"}}


async def run_calls(
    store: FakeStore,
    host: ToolHost,
    when: Callable[[], object],
    *,
    drain: Drain | None = None,
    then: Callable[[], object] = lambda: None,
    mcp: McpHost | None = None,
) -> None:
    """Run an executor without models until `when` holds, then drain it."""
    drain = drain or Drain()
    poll = timedelta(milliseconds=10)
    options = RuntimeOptions(
        tool_capacity=2, poll_busy=poll, poll_idle=poll, grace=timedelta(milliseconds=50)
    )
    async with Router(Catalogue.load(), {}) as router, asyncio.TaskGroup() as group:
        running = run_executor(
            open_store=store.open,
            bus=FakeBus(),
            router=router,
            identity=IDENTITY,
            options=options,
            drain=drain,
            on_ready=lambda: None,
            tools=host,
            mcp=mcp,
        )
        group.create_task(running)
        await eventually(when, within=30, every=0.005)
        then()
        drain.begin()
