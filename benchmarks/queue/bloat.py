"""What a snapshot costs that is held while a million tasks are done: no dead row can be removed.

Tasks are queued in portions, so that few wait and nearly all rows are dead or finished. A full run
takes about twenty minutes. Figures: the CPU time of Postgres per job for each tenth, with the
snapshot held; then after it was released and the tables were vacuumed; and the sizes.
"""

import sys
from collections.abc import Callable
from typing import Any, Final

from benchmarks.queue.competitors import Sql
from benchmarks.queue.database import LANE, Connection, Processor, clear, connect, fill, settle
from benchmarks.supabase import running_server
from cogo.migrations import load_migrations, migrate

PORTION: Final = 10_000
STEPS: Final = (10, 10)
"""Figures while the snapshot is held, and portions for each: a million tasks."""
QUICK_PORTION: Final = 1_000
QUICK_STEPS: Final = (2, 1)
_BATCH: Final = 50
_AFTER: Final = 1_000
_TABLES: Final = ("public.cogo_tasks", "cogo.subtasks", "cogo.events", "public.cogo_attempts")
_SIZE: Final = "select pg_total_relation_size($1::regclass) / 1048576.0"
_DEAD: Final = """
select coalesce(sum(n_dead_tup), 0)::bigint
  from pg_stat_user_tables where relid = any ($1::regclass[])
"""


async def run(report: Callable[[dict[str, Any]], None], *, quick: bool = False) -> None:
    """Do the tasks with a snapshot held, and a few before it was taken and after its release."""
    async with running_server() as server:
        await migrate(server.db_url, load_migrations())
        owner = await connect(server.db_url, "postgres")
        holder = await connect(server.db_url, "postgres")
        agents = Sql(server, _BATCH)
        await clear(owner)
        report(await _figure(owner, "before", 0, await _do(agents, owner, _AFTER, 1)))
        portion, (steps, portions) = (QUICK_PORTION, QUICK_STEPS) if quick else (PORTION, STEPS)
        async with holder.transaction(isolation="repeatable_read"):
            await holder.fetchval("select count(*) from cogo.subtasks")
            for step in range(1, steps + 1):
                cpu = await _do(agents, owner, portion, portions)
                done = step * portion * portions
                print(f"{done} of {portion * portions * steps} tasks are done", file=sys.stderr)
                report(await _figure(owner, "held", done, cpu))
        await settle(owner)
        cpu = await _do(agents, owner, _AFTER, 1)
        report(await _figure(owner, "released", steps * portion * portions, cpu))
        await holder.close()
        await owner.close()


async def _do(agents: Sql, owner: Connection, portion: int, portions: int) -> float:
    """Queue and do portions, and return the CPU time of Postgres in microseconds per job."""
    processor, spent = await Processor.of(owner), 0.0
    for _ in range(portions):
        await fill(owner, portion)
        before = processor.seconds()
        await agents.drain(portion)
        spent += processor.seconds() - before
    return spent / (portion * portions) * 1e6


async def _figure(owner: Connection, snapshot: str, done: int, cpu: float) -> dict[str, Any]:
    await owner.execute("select pg_stat_clear_snapshot()")
    sizes = {table: float(await owner.fetchval(_SIZE, table)) for table in _TABLES}
    return {
        "name": "queue_bloat",
        "snapshot": snapshot,
        "lane": LANE,
        "done": done,
        "batch": _BATCH,
        "postgres_cpu_us": round(cpu),
        "dead_rows": await owner.fetchval(_DEAD, list(_TABLES)),
        **{f"mib_{table.partition('.')[2]}": round(size, 1) for table, size in sizes.items()},
    }
