"""Ten owners with a hundred thousand subtasks each: what a claim costs, and whether it is fair.

A full run takes about two minutes, nearly all of it to fill the queue. Compared with one owner and
a thousand subtasks: other owners and their backlogs must not matter.
"""

import sys
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from benchmarks.queue.database import clear, connect, fill, settle, write_out
from benchmarks.queue.samples import sample
from benchmarks.supabase import running_server
from cogo.migrations import load_migrations, migrate

SIZES: Final = ((1, 1_000), (10, 100_000))
QUICK_SIZES: Final = ((1, 500), (10, 500))
"""Numbers of owners, and of subtasks that wait for each."""
_CLAIM: Final = """
select subtask_id from public.cogo_claim_subtasks(
  p_agent_id => 'bench', p_lanes => array['bench'], p_limit => 1, p_lease_seconds => 3600)
"""
_SHARES: Final = """
select count(*) as claimed from cogo.subtasks where status = 'running' group by owner
"""


async def run(report: Callable[[dict[str, Any]], None], *, quick: bool = False) -> None:
    """Measure claims with each number of owners, compared with the first."""
    first: float | None = None
    async with running_server() as server:
        await migrate(server.db_url, load_migrations())
        for owners, each in QUICK_SIZES if quick else SIZES:
            print(f"filling {owners} owners with {each} subtasks each", file=sys.stderr)
            figure = await measure_owners(server.db_url, owners, each)
            first = first or figure["yardsticks"]
            times = round(figure["yardsticks"] / first, 2)
            report(figure | {"times_first": times, "goal_times": 1.5})


async def measure_owners(url: str, owners: int, each: int) -> dict[str, Any]:
    """Claim one at a time from the queue of so many owners; count what each of them got."""
    owner = await connect(url, "postgres")
    await clear(owner)
    await fill(owner, owners * each, owners=[UUID(int=number + 1) for number in range(owners)])
    await settle(owner)
    await write_out(owner)
    agent = await connect(url)

    async def claim() -> None:
        assert len(await agent.fetch(_CLAIM)) == 1

    figure = await sample(agent, claim)
    shares = [row["claimed"] for row in await owner.fetch(_SHARES)]
    await agent.close()
    await owner.close()
    return {
        "name": "queue_owners",
        "unit": "ms",
        "owners": owners,
        "waiting_each": each,
        **figure,
        "owners_served": len(shares),
        "claims_of_one_least": min(shares),
        "claims_of_one_most": max(shares),
    }
