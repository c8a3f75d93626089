"""What a snapshot costs that is held while a million tasks are done: no dead row can be removed.

Tasks are queued in portions, so that few wait and nearly all rows are dead or finished. A full run
takes about twenty minutes. Figures: the CPU time of Postgres per job for each tenth, with the
snapshot held, then after it was released and the tables were vacuumed, also in units of a constant
statement; and sizes.
"""

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.queue.competitors import Sql
from benchmarks.queue.database import LANE, Connection, Processor, clear, connect, fill, settle
from benchmarks.queue.samples import Yardstick
from benchmarks.supabase import running_server
from cogo.migrations import load_migrations, migrate


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The size of a run."""

    portion: int
    """Tasks that are queued, then done."""
    portions: int
    """For each figure."""
    figures: int
    """While the snapshot is held."""
    around: int
    """Tasks that are done before and after."""


FULL: Final = Size(portion=10_000, portions=10, figures=10, around=1_000)
QUICK: Final = Size(portion=1_000, portions=1, figures=2, around=1_000)
_BATCH: Final = 50
_CONSTANTS: Final = 5
"""Runs of the constant statement before and after each portion."""
_TABLES: Final = ("public.cogo_tasks", "cogo.subtasks", "cogo.events", "public.cogo_attempts")
_SIZE: Final = "select pg_total_relation_size($1::regclass) / 1048576.0"
_DEAD: Final = """
select coalesce(sum(n_dead_tup), 0)::bigint
  from pg_stat_user_tables where relid = any ($1::regclass[])
"""


async def run(report: Callable[[dict[str, Any]], None], *, quick: bool = False) -> None:
    """Measure with a server of its own."""
    async with running_server() as server:
        await migrate(server.db_url, load_migrations())
        await measure_bloat(server.db_url, QUICK if quick else FULL, report)


async def measure_bloat(url: str, size: Size, report: Callable[[dict[str, Any]], None]) -> None:
    """Do the tasks with a snapshot held, and a few before it was taken and after its release."""
    owner, holder = await connect(url, "postgres"), await connect(url, "postgres")
    agents = Sql(url, _BATCH)
    await clear(owner)
    report(await _figure(owner, "before", 0, await _do(agents, owner, size.around)))
    done, total = 0, size.portion * size.portions * size.figures
    async with holder.transaction(isolation="repeatable_read"):
        await holder.fetchval("select count(*) from cogo.subtasks")
        for _ in range(size.figures):
            cpu = await _do(agents, owner, size.portion, size.portions)
            done += size.portion * size.portions
            print(f"{done} of {total} tasks are done", file=sys.stderr)
            report(await _figure(owner, "held", done, cpu))
    await settle(owner)
    report(await _figure(owner, "released", done, await _do(agents, owner, size.around)))
    await holder.close()
    await owner.close()


async def _do(agents: Sql, owner: Connection, portion: int, portions: int = 1) -> dict[str, float]:
    """Queue and do portions, and return the CPU time of Postgres per job."""
    processor, yardstick = await Processor.of(owner), await Yardstick.on(owner)
    spent, constants = 0.0, []
    for _ in range(portions):
        await fill(owner, portion)
        constants += [await yardstick.measure() for _ in range(_CONSTANTS)]
        before = processor.seconds()
        await agents.drain(portion)
        spent += processor.seconds() - before
        constants += [await yardstick.measure() for _ in range(_CONSTANTS)]
    cpu = spent / (portion * portions) * 1e6
    return {
        "postgres_cpu_us": round(cpu),
        "yardsticks": round(cpu / statistics.median(constants), 3),
    }


async def _figure(
    owner: Connection, snapshot: str, done: int, cpu: dict[str, float]
) -> dict[str, Any]:
    # The counters alone are an estimate: rows that the automatic ANALYZE has counted are counted
    # once more by sessions that report them later. Those of the agents have ended.
    await owner.execute("select pg_stat_force_next_flush()")
    await owner.execute(f"analyze {', '.join(_TABLES)}")
    await owner.execute("select pg_stat_clear_snapshot()")
    sizes = {table: float(await owner.fetchval(_SIZE, table)) for table in _TABLES}
    return {
        "name": "queue_bloat",
        "snapshot": snapshot,
        "lane": LANE,
        "done": done,
        "batch": _BATCH,
        **cpu,
        "dead_rows": await owner.fetchval(_DEAD, list(_TABLES)),
        **{f"mib_{table.partition('.')[2]}": round(size, 1) for table, size in sizes.items()},
    }
