"""Follow-up work of memory: how often the database is called, and for which model."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from agents.memory.models import MemoryModel
from agents.orchestrator.memory import LIMIT, run_memory_regularly
from agents.runtime.agent import Agent
from agents.runtime.health import Health
from agents.runtime.options import AgentIdentity, RuntimeOptions
from protocol.errors import CogoError
from protocol.records.memory import MemoryRun
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.virtual_time import in_virtual_time


def ran(asked: int = 0, *, is_more: bool = False) -> MemoryRun:
    return MemoryRun(asked=asked, applied=0, is_more=is_more)


async def run_for(seconds: float, runs: Sequence[MemoryRun | CogoError]) -> FakeStore:
    """Let the loop run in virtual time."""
    store = FakeStore(memory_runs=list(runs))
    agent = Agent(
        identity=AgentIdentity(id="o", kind="orchestrator", host="here", pid=1, version="0"),
        options=RuntimeOptions(),
        store=store,
        keeper=cast("Any", None),
        batcher=cast("Any", None),
        wakeup=cast("Any", None),
        health=Health(),
        jitter=random.Random(1),  # noqa: S311 - not used for security
        services=cast("Any", None),
    )
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await run_memory_regularly(agent, lambda: MemoryModel(id="small"))
    return store


@in_virtual_time
async def test_it_calls_again_at_once_while_there_is_more() -> None:
    store = await run_for(0.1, [ran(200, is_more=True)] * 7 + [ran(3)])

    assert store.memory_calls == [("small", LIMIT)] * 8


@in_virtual_time
async def test_it_does_not_spin_on_more_that_cannot_be_done() -> None:
    store = await run_for(10, [ran(0, is_more=True)] * 1000)

    assert len(store.memory_calls) < 20


@in_virtual_time
async def test_calls_that_fail_ask_for_less_and_end_nothing() -> None:
    store = await run_for(60, [AWAY, AWAY, ran(1), ran()])

    assert [limit for _, limit in store.memory_calls[:5]] == [200, 100, 50, 100, 200]
    assert len(store.memory_calls) > 20
