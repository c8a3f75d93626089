"""Time to plan one owner's tasks while 100 flows of another owner are woken each second.

Rounds with and without the other owner alternate, so that other load affects both equally. Times
are from the insert of a task to its hand-over, by the clock of the database.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from loguru import logger

from agents.orchestrator.service import run_orchestrator
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.wakeup import Drain
from agents.workflows.engine import Result, Run, workflow
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from benchmarks.figures import quantiles
from benchmarks.queue.database import Connection, connect
from benchmarks.supabase import Server, running_server
from cogo.migrations import load_migrations, migrate
from protocol.transport.channels import Channels
from protocol.transport.supabase_store import open_store
from providers.catalogue.catalogue import Catalogue

FLOWS: Final = 100
MODEL: Final = "claude-sonnet-5-5"
PAUSE_SECONDS: Final = 0.1
"""Between two tasks of the second owner."""
PATIENCE_SECONDS: Final = 120.0

_INSERT_FLOWS: Final = """
insert into public.cogo_tasks (type, prompt, owner)
select 'TICKS', 'wait', $1 from generate_series(1, $2::integer) returning id
"""
_COUNT_WAITING: Final = """
select count(*) from cogo.subtasks where task_id = any ($1) and key = 'plan' and status = 'blocked'
"""
_WAKE: Final = (
    "select count(public.cogo_send_event(t.id, 'tick')) from unnest($1::uuid[]) as t (id)"
)
_INSERT_TASK: Final = """
insert into public.cogo_tasks (type, prompt, owner) values ('CHAT', 'Say it', $1) returning id
"""
_HAND_OVERS: Final = """
select extract(epoch from s.created_at - t.created_at)::float8 * 1000 as ms
  from public.cogo_tasks t join cogo.subtasks s on s.task_id = t.id
 where t.id = any ($1) and s.key <> 'plan'
"""
_COUNT_ENDS: Final = """
select count(*) from public.cogo_attempts where task_id = any ($1) and outcome = 'suspended'
"""
_COUNT_EVENTS: Final = "select count(*) from public.cogo_sent_events where task_id = any ($1)"
_CANCEL: Final = "select count(public.cogo_cancel_task(t.id)) from unnest($1::uuid[]) as t (id)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The size of a run."""

    rounds: int
    seconds: int


FULL: Final = Size(rounds=3, seconds=10)
QUICK: Final = Size(rounds=1, seconds=2)


@workflow("TICKS")
async def count_ticks(run: Run) -> Result:
    """Wait for events without an end, as a workflow that is woken often."""
    while True:
        await run.event("tick", "tick")


async def run(*, quick: bool = False) -> list[dict[str, Any]]:
    """Measure with one orchestrator; `quick` only shows that it runs."""
    size = QUICK if quick else FULL
    logger.disable("agents")
    alone: list[float] = []
    beside: list[float] = []
    sent = woken = 0
    async with running_server() as server:
        await migrate(server.db_url, load_migrations())
        connection = await connect(server.db_url)
        try:
            async with _orchestrator(server), asyncio.timeout(size.rounds * PATIENCE_SECONDS):
                await _plan_tasks(connection, seconds=1)  # warm up
                for _ in range(size.rounds):
                    alone += await _plan_tasks(connection, size.seconds)
                    flows: list[UUID] = []
                    beside += await _plan_beside(server, connection, size.seconds, flows)
                    sent += await connection.fetchval(_COUNT_EVENTS, flows)
                    woken += await connection.fetchval(_COUNT_ENDS, flows) - FLOWS
        finally:
            await connection.close()
    seconds = size.rounds * size.seconds
    return [
        {"name": "planning_alone", "unit": "ms", **quantiles(alone)},
        {
            "name": "planning_beside_wakes",
            "unit": "ms",
            **quantiles(beside),
            "flows": FLOWS,
            "events_per_second": round(sent / seconds),
            "wakes_per_second": round(woken / seconds),
            "goal_p95": 1000,
        },
    ]


async def _plan_beside(
    server: Server, connection: Connection, seconds: int, flows: list[UUID]
) -> list[float]:
    """Plan tasks while `flows` of another owner, which are filled in, are woken."""
    waker = await connect(server.db_url)
    try:
        rows = await waker.fetch(_INSERT_FLOWS, uuid4(), FLOWS)
        flows += [row["id"] for row in rows]
        while await waker.fetchval(_COUNT_WAITING, flows) < FLOWS:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        async with asyncio.TaskGroup() as group:
            waking = group.create_task(_wake(waker, flows))
            found = await _plan_tasks(connection, seconds)
            waking.cancel()
        return found
    finally:
        await waker.close()
        await connection.execute(_CANCEL, flows)


async def _wake(connection: Connection, flows: list[UUID]) -> None:
    """Wake all flows each second, in one transaction."""
    loop = asyncio.get_running_loop()
    at = loop.time()
    while True:
        await connection.execute(_WAKE, flows)
        at += 1
        await asyncio.sleep(at - loop.time())


async def _plan_tasks(connection: Connection, seconds: int) -> list[float]:
    """Insert tasks at a steady rate; return the milliseconds until each was handed over."""
    owner, tasks = uuid4(), []
    loop = asyncio.get_running_loop()
    at = loop.time()
    for _ in range(round(seconds / PAUSE_SECONDS)):
        tasks.append(await connection.fetchval(_INSERT_TASK, owner))
        at += PAUSE_SECONDS
        await asyncio.sleep(at - loop.time())
    while len(found := await connection.fetch(_HAND_OVERS, tasks)) < len(tasks):  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    return [row["ms"] for row in found]


@asynccontextmanager
async def _orchestrator(server: Server) -> AsyncIterator[None]:
    """Run an orchestrator in this process, for a model that no executor serves."""

    async def own_lanes() -> list[str]:
        return [MODEL]

    drain, ready = Drain(), asyncio.Event()
    async with (
        Channels(server.url, server.secret_key) as bus,
        WorkflowHost({**WORKFLOWS, count_ticks.type: count_ticks}) as host,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(
            run_orchestrator(
                open_store=lambda: open_store(server.url, server.secret_key),
                bus=bus,
                catalogue=Catalogue.load(),
                workflows=host,
                lanes=own_lanes,
                identity=AgentIdentity(
                    id="bench-cio", kind="orchestrator", host="here", pid=1, version="0"
                ),
                options=RuntimeOptions(),
                drain=drain,
                on_ready=ready.set,
            )
        )
        await ready.wait()
        try:
            yield
        finally:
            drain.begin()
