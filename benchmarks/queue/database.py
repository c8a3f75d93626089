"""The measured database: connections, CPU time, and fast ways to fill it."""

import json
import os
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg

from protocol.records import Usage

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

LANE: Final = "bench"
USAGE: Final = Usage(
    model_id=LANE,
    provider="openai",
    input_tokens=812,
    cached_tokens=0,
    output_tokens=164,
    reasoning_tokens=0,
    cost_usd=Decimal("0.00123"),
    first_token_ms=320,
    duration_ms=1_800,
    finish_reason="stop",
)
"""What every completion reports, as those of executors do.

Without it, the calls of an attempt would be looked up in the audit log.
"""
_NOBODY: Final = UUID(int=0)
"""The owner of subtasks whose task has none."""

_FILL: Final = """
with tasks as (
  insert into public.cogo_tasks (prompt, status, started_at, owner)
  select 'bench', 'running', clock_timestamp(), ($4::uuid[])[1 + n % cardinality($4::uuid[])]
    from generate_series(1, $1::integer) n
  returning id, owner
), told as (
  insert into cogo.events (task_id, seq, kind) select id, 1, 'task.running' from tasks
), made as (
  insert into cogo.subtasks (task_id, key, type, lane, status, owner, turn, sink)
  select t.id, 'k' || k, 'BENCH', $2, 'queued', coalesce(t.owner, $5),
         c.round + 500 + row_number() over (partition by t.owner), k = 1
    from tasks t
   cross join generate_series(1, $3::integer) as k
   cross join (
     select coalesce(max(round), 0) as round from cogo.lane_clocks where lane = $2
   ) c
  returning id
)
insert into cogo.subtask_payloads (subtask_id, params) select id, '{"model_id": "bench"}' from made
"""
_FINISHED: Final = """
with tasks as (
  insert into public.cogo_tasks (prompt, status, started_at, finished_at, result)
  select 'bench', 'completed', clock_timestamp(), clock_timestamp(), '{}'
    from generate_series(1, $1::integer)
  returning id
), made as (
  insert into cogo.subtasks (task_id, key, type, lane, status, attempt, finished_at)
  select t.id, 'k' || k, 'BENCH', $2, 'completed', 1, clock_timestamp()
    from tasks t cross join generate_series(1, $3::integer) as k
  returning id, task_id
)
insert into public.cogo_attempts (subtask_id, attempt, task_id, agent_id, lane, ended_at, outcome)
select id, 1, task_id, 'bench', $2, clock_timestamp(), 'completed' from made
"""
_TABLES: Final = ("public.cogo_tasks", "cogo.subtasks")
_FORGOTTEN: Final = (
    "public.cogo_tasks, cogo.events, cogo.subtask_outputs, cogo.outcomes, cogo.lane_clocks"
)


async def connect(url: str, role: str = "service_role") -> Connection:
    """Connect as agents do, or as `postgres`, the owner of the schema, to fill it."""
    connection: Connection = await asyncpg.connect(url, command_timeout=600)
    await connection.set_type_codec(
        "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
    )
    claims = json.dumps({"role": role})
    await connection.execute("select set_config('request.jwt.claims', $1, false)", claims)
    if role != "postgres":
        await connection.execute(f"set role {role}")
    return connection


async def fill(
    owner: Connection,
    count: int,
    *,
    per_task: int = 1,
    finished: bool = False,
    owners: Sequence[UUID | None] = (None,),
) -> None:
    """Insert subtasks as if they had been planned (or done), without notifications.

    With one subtask per task each is its task's sink. Owners take turns, as if they had queued
    theirs at the same time. Planning a million tasks would take an hour.
    """
    await _triggers(owner, "disable")
    if finished:
        await owner.execute(_FINISHED, count // per_task, LANE, per_task)
    else:
        await owner.execute(_FILL, count // per_task, LANE, per_task, list(owners), _NOBODY)
    await _triggers(owner, "enable")


async def settle(owner: Connection) -> None:
    """Vacuum and analyze the filled tables."""
    for table in (*_TABLES, "cogo.events", "cogo.subtask_payloads", "public.cogo_attempts"):
        await owner.execute(f"vacuum analyze {table}")


async def write_out(owner: Connection) -> None:
    """Wait for a checkpoint, so that no round pays for the writes of the previous one.

    CHECKPOINT requires a superuser, which the owner is not; dropping a database waits for one.
    """
    await owner.execute("create database written_out")
    await owner.execute("drop database written_out")


async def clear(owner: Connection) -> None:
    """Delete all tasks."""
    await owner.execute(f"truncate {_FORGOTTEN} cascade")


async def _triggers(owner: Connection, verb: str) -> None:
    for table in _TABLES:
        await owner.execute(f"alter table {table} {verb} trigger user")


class Processor:
    """CPU time of Postgres with all its processes."""

    def __init__(self, postmaster: int) -> None:
        self._postmaster = postmaster

    @classmethod
    async def of(cls, connection: Connection) -> "Processor":
        """Find the postmaster, the parent of the process that serves a connection."""
        backend = await connection.fetchval("select pg_backend_pid()")
        return cls(int(_stat(backend)[1]))

    def seconds(self) -> float:
        """Return the user and system time of all its processes, including ended ones."""
        ticks = sum(map(int, _stat(self._postmaster)[11:15]))
        for stat in _all_stats():
            if stat[1] == str(self._postmaster):
                ticks += int(stat[11]) + int(stat[12])
        return ticks / os.sysconf("SC_CLK_TCK")


async def backend_of(connection: Connection) -> int:
    """Return the process that serves a connection."""
    return int(await connection.fetchval("select pg_backend_pid()"))


def cpu_us(pid: int) -> float:
    """Return the CPU time of a process with one thread, by the scheduler's clock."""
    nanoseconds = Path(f"/proc/{pid}/schedstat").read_text(encoding="utf-8").split()[0]
    return int(nanoseconds) / 1000


def _stat(pid: Any) -> list[str]:
    """Return the fields of /proc/<pid>/stat after the name, which may contain anything."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def _all_stats() -> Iterator[list[str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                yield _stat(entry.name)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile, and is counted in its parent
