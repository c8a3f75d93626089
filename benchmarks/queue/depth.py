"""Cost of a claim and of an insert with any number of waiting and finished subtasks.

A full run goes to a million of each, in about five minutes. Depths are compared in units of a
constant statement, which other load slows as much.
"""

import sys
from collections.abc import Callable
from typing import Any, Final

from benchmarks.queue.database import clear, connect, fill, settle, write_out
from benchmarks.queue.samples import sample
from benchmarks.supabase import running_server
from cogo.migrations import load_migrations, migrate

DEPTHS: Final = ((1_000, 0), (10_000, 0), (100_000, 0), (1_000_000, 0), (1_000, 1_000_000))
QUICK_DEPTHS: Final = ((500, 0), (5_000, 0), (500, 5_000))
"""Numbers of waiting and finished subtasks, each the only one of its task."""
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
                base = first.setdefault(figure["name"], figure["yardsticks"])
                times = round(figure["yardsticks"] / base, 2)
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

    async def claim() -> None:
        assert len(await agent.fetch(_CLAIM, 1)) == 1

    async def insert() -> None:
        assert await agent.execute(_INSERT) == "INSERT 0 1"

    depth = {"unit": "ms", "waiting": waiting, "finished": finished}
    figures = [
        {"name": name} | depth | await sample(agent, step)
        for name, step in (("queue_claim", claim), ("queue_insert", insert))
    ]
    await agent.close()
    return figures
