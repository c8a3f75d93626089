"""An agent on a fake store, with small intervals."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from agents.runtime.agent import open_agent
from agents.runtime.attempt import Work
from agents.runtime.health import Health
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.pool import run_pool
from agents.runtime.wakeup import Drain
from protocol.records import ClaimedSubtask, Completion
from tests.support.agents.fake_store import FakeStore
from tests.support.agents.subtasks import a_subtask, done
from tests.support.eventually import eventually

IDENTITY = AgentIdentity(id="agent", kind="executor", host="here", pid=1, version="0")


def options(
    *, capacity: int = 4, grace: float = 5.0, poll: float = 0.01, lease: float = 5.0
) -> RuntimeOptions:
    return RuntimeOptions(
        capacity=capacity,
        lease=timedelta(seconds=lease),
        extend_every=timedelta(seconds=min(1.0, lease / 4)),
        poll_busy=timedelta(seconds=poll),
        poll_idle=timedelta(seconds=poll),
        grace=timedelta(seconds=grace),
        heartbeat_every=timedelta(seconds=0.02),
    )


async def live(
    store: FakeStore,
    work: Work,
    drain: Drain,
    given: RuntimeOptions | None = None,
    *,
    lanes: Callable[[], list[str]] = lambda: ["lane"],
    get_limit: Callable[[str], int | None] = lambda _: None,
    health: Health | None = None,
) -> None:
    async with open_agent(
        open_store=store.open,
        identity=IDENTITY,
        options=given or options(),
        drain=drain,
        health=health,
    ) as agent:
        await run_pool(agent, lanes=lanes, get_limit=get_limit, work=work, drain=drain)


async def at_once(claimed: ClaimedSubtask) -> Completion:
    return done(claimed)


async def forever(_: ClaimedSubtask) -> Completion:
    await asyncio.Event().wait()
    raise AssertionError


def subtasks(count: int) -> list[ClaimedSubtask]:
    return [a_subtask() for _ in range(count)]


async def until_drained(
    store: FakeStore,
    work: Work,
    when: Callable[[], object],
    given: RuntimeOptions | None = None,
    health: Health | None = None,
) -> None:
    """Live until `when` holds, drain, and wait for the end."""
    drain = Drain()
    async with asyncio.TaskGroup() as group:
        group.create_task(live(store, work, drain, given, health=health))
        await eventually(when, within=5, every=0.005)
        drain.begin()
