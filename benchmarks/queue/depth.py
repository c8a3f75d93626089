"""Cost of a claim and of an insert with any number of waiting and finished subtasks.

A full run goes to a million of each, in about five minutes. CPU times are those of the process of
Postgres that serves the connection, so that other load matters little.
"""

import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from benchmarks.figures import quantiles
from benchmarks.queue.database import (
    backend_of,
    clear,
    connect,
    cpu_us,
    fill,
    settle,
    write_out,
)
from benchmarks.supabase import running_server
from cogo.migrations import load_migrations, migrate

DEPTHS: Final = ((1_000, 0), (10_000, 0), (100_000, 0), (1_000_000, 0), (1_000, 1_000_000))
QUICK_DEPTHS: Final = ((500, 0), (5_000, 0), (500, 5_000))
"""Numbers of waiting and finished subtasks, each the only one of its task."""
_SAMPLES: Final = 300
_WARM_UP: Final = 50
_CLAIM: Final = """
select subtask_id, attempt from public.cogo_claim_subtasks(
  p_agent_id => 'bench', p_lanes => array['bench'], p_limit => $1, p_lease_seconds => 3600)
"""
_INSERT: Final = "insert into public.cogo_tasks (prompt) values ('bench')"


async def run(
    report: Callable[[dict[str, Any]], None],
    *,
    quick: bool = False,
) -> None:
    """Measure claims and inserts at each depth, compared with the first."""
    first: dict[str, float] = {}
    async with running_server() as server:
        await migrate(server.db_url, load_migrations())
        for waiting, finished in QUICK_DEPTHS if quick else DEPTHS:
            print(f"filling {waiting} waiting, {finished} finished", file=sys.stderr)
            for figure in await measure_depth(server.db_url, waiting, finished):
                cpu = first.setdefault(figure["name"], figure["postgres_cpu_us"])
                times = round(figure["postgres_cpu_us"] / cpu, 2)
                report(figure | {"times_first": times, "goal_times": 1.5})


async def measure_depth(url: str, waiting: int, finished: int) -> list[dict[str, Any]]:
    """Claim one at a time, and insert one task at a time, beside this many subtasks."""
    owner = await connect(url, "postgres")
    await clear(owner)
    if finished:
        await fill(owner, finished, finished=True)
    await fill(owner, waiting)
    await settle(owner)
    await write_out(owner)
    await owner.close()
    agent = await connect(url)
    backend = await backend_of(agent)

    async def claim() -> None:
        assert len(await agent.fetch(_CLAIM, 1)) == 1

    async def insert() -> None:
        assert await agent.execute(_INSERT) == "INSERT 0 1"

    depth = {"unit": "ms", "waiting": waiting, "finished": finished}
    figures = [
        {"name": name} | depth | await _sample(backend, step)
        for name, step in (("queue_claim", claim), ("queue_insert", insert))
    ]
    await agent.close()
    return figures


async def _sample(backend: int, step: Callable[[], Awaitable[None]]) -> dict[str, float]:
    walls, cpus = [], []
    for number in range(_WARM_UP + _SAMPLES):
        cpu, started = cpu_us(backend), time.perf_counter()
        await step()
        if number >= _WARM_UP:
            walls.append((time.perf_counter() - started) * 1000)
            cpus.append(cpu_us(backend) - cpu)
    return {**quantiles(walls), "postgres_cpu_us": round(statistics.median(cpus))}
