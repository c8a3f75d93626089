"""Cost of extending leases: time, WAL, and the share of updates that touch no index."""

import time
from typing import Any, Final

from benchmarks.figures import quantiles
from benchmarks.queue.competitors import queue_up
from benchmarks.queue.database import Connection, connect

LEASES: Final = 50
ROUNDS: Final = 100
_CLAIM: Final = """
select subtask_id, attempt from public.cogo_claim_subtasks(
  p_agent_id => 'bench', p_lanes => array['bench'], p_limit => $1, p_lease_seconds => 3600)
"""
_EXTEND: Final = "select answer from public.cogo_extend_leases('bench', $1, 3600)"
_HOT: Final = """
select n_tup_hot_upd, n_tup_upd from pg_stat_user_tables where relid = 'cogo.subtasks'::regclass
"""


async def measure_extensions(url: str) -> dict[str, Any]:
    """Extend fifty leases repeatedly and measure the growth of the WAL."""
    await queue_up(url, LEASES)
    owner, agent = await connect(url, "postgres"), await connect(url)
    leases = [
        {"subtask_id": str(row["subtask_id"]), "attempt": row["attempt"]}
        for row in await agent.fetch(_CLAIM, LEASES)
    ]
    for _ in range(5):  # the first write of a page after a checkpoint logs the whole page
        await agent.fetch(_EXTEND, leases)
    hot, updates = await _updates(agent, owner)
    before, samples = await _position(owner), []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        answers = await agent.fetch(_EXTEND, leases)
        samples.append((time.perf_counter() - started) * 1000)
        assert all(row["answer"] == "ok" for row in answers)
    after = await _position(owner)
    hot_after, updates_after = await _updates(agent, owner)
    await agent.close()
    await owner.close()
    return {
        "name": "queue_extension",
        "unit": "ms",
        "leases_per_call": LEASES,
        **quantiles(samples),
        "wal_bytes_per_lease": round((after - before) / ROUNDS / LEASES, 1),
        "hot_share": round((hot_after - hot) / (updates_after - updates), 3),
    }


async def _position(owner: Connection) -> int:
    position = await owner.fetchval("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
    return int(position)


async def _updates(agent: Connection, owner: Connection) -> tuple[int, int]:
    await agent.execute("select pg_stat_force_next_flush()")
    await agent.execute("select 1")
    row = await owner.fetchrow(_HOT)
    assert row is not None
    return row["n_tup_hot_upd"], row["n_tup_upd"]
