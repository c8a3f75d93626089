"""AI columns: what they cost whoever writes, what others notice, and how fast old rows are filled.

100,000 rows are inserted in one statement into a table without a trigger, one with an ordinary
trigger that inserts a row, and one with an AI column, in turns, so that other load affects all
equally. Meanwhile others write to the table, read it and claim subtasks. The workers of the
backfill are SQL alone, and answer at once. On Postgres 18, and on 15 where it is installed.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg

from benchmarks.figures import quantiles
from benchmarks.queue.database import Connection, connect
from benchmarks.system import empty_home
from cogo.migrations import load_migrations, migrate
from embedded.errors import CannotStart
from embedded.postgres.binaries import find_installation
from embedded.postgres.cluster import Postgres

MAJORS: Final = (18, 15)
GOAL_RATIO: Final = 2.0
"""Of the writer's time with an AI column to that with an ordinary trigger."""
LANE: Final = "bench"
_PAUSE_SECONDS: Final = 0.005
_SETUP: Final = """
create table public.bench_plain (
  id bigint generated always as identity primary key, subject text, body text, summary text
);
create table public.bench_trigger (like public.bench_plain including all);
create table public.bench_column (like public.bench_plain including all);
create table public.bench_noted (
  id bigint generated always as identity primary key, row_id bigint not null,
  at timestamptz not null default now()
);
create or replace function public.bench_note() returns trigger language plpgsql as $$
begin
  insert into public.bench_noted (row_id) values (new.id);
  return null;
end;
$$;
create trigger note after insert on public.bench_trigger
  for each row execute function public.bench_note();
"""
_ADD: Final = """
select cogo.ai_column('public.bench_column', 'summary', prompt => 'Summarise {subject} {body}')
"""
_DROP: Final = """
drop table if exists public.bench_plain, public.bench_trigger, public.bench_column,
  public.bench_noted, public.bench_old
"""
_VARIANTS: Final = ("plain", "trigger", "column")
_INSERT: Final = """
insert into public.bench_{variant} (subject, body)
select 'subject ' || n, repeat('a ticket that says something ', 10) || n
  from generate_series(1, $1::integer) n
"""
_OLD: Final = """
create table public.bench_old (
  id bigint generated always as identity primary key, body text, summary text, vector real[]
);
insert into public.bench_old (body)
select repeat('a ticket that says something ', 10) || n from generate_series(1, {rows}) n
"""
_BACKFILL: Final = {
    "text": """
        select cogo.ai_column('public.bench_old', 'summary', prompt => 'Summarise {body}',
          backfill => true, open_tasks => 2000)
    """,
    "vectors": """
        select cogo.ai_column('public.bench_old', 'vector', prompt => '{body}',
          params => '{"embed": true}', model => 'bench', backfill => true, open_tasks => 2000)
    """,
}
_RUN: Final = "select * from public.cogo_run_columns('bench-cio', 500)"
_CLAIM: Final = """
select subtask_id, attempt, lane, type, task
  from public.cogo_claim_subtasks(p_agent_id => $1, p_lanes => $2, p_limit => $3)
"""
_COMPLETE: Final = (
    "select answer from public.cogo_complete_subtasks(p_agent_id => $1, p_items => $2)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The size of a run."""

    rows: int
    rounds: int
    texts: int
    vectors: int


FULL: Final = Size(rows=100_000, rounds=5, texts=2_000, vectors=10_000)
QUICK: Final = Size(rows=5_000, rounds=1, texts=200, vectors=1_000)


@dataclass(slots=True)
class _Others:
    """Milliseconds that others waited, by what they did."""

    insert: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    claim: list[float] = field(default_factory=list)


async def run(*, quick: bool = False) -> list[dict[str, Any]]:
    """Measure everything; `quick` only shows that it runs."""
    size = QUICK if quick else FULL
    figures = []
    for major in MAJORS:
        with contextlib.suppress(CannotStart):
            find_installation(major)
            figures += [each | {"postgres": major} for each in await _measure(major, size)]
    return figures


async def _measure(major: int, size: Size) -> list[dict[str, Any]]:
    with empty_home() as home:
        async with Postgres(home, major=major) as postgres:
            url = postgres.dsn("postgres", "postgres")
            await migrate(url, load_migrations())
            owner = await connect(url, "postgres")
            try:
                return [
                    *await _measure_writers(url, owner, size),
                    await _measure_collecting(url, owner, size),
                    *[
                        await _measure_backfill(url, owner, kind, rows)
                        for kind, rows in (("text", size.texts), ("vectors", size.vectors))
                    ],
                ]
            finally:
                await owner.close()


async def _measure_writers(url: str, owner: Connection, size: Size) -> list[dict[str, Any]]:
    """Insert all rows in one statement, in turns, with others beside it."""
    took: dict[str, list[float]] = {each: [] for each in _VARIANTS}
    waited = {each: _Others() for each in ("alone", *_VARIANTS)}
    for number in range(size.rounds):
        turn = number % len(_VARIANTS)
        for variant in (*_VARIANTS[turn:], *_VARIANTS[:turn]):
            async with _tables(owner):
                async with _others(url, waited["alone"], variant):
                    await asyncio.sleep(1)
                async with _others(url, waited[variant], variant):
                    began = time.perf_counter()
                    await owner.execute(_INSERT.format(variant=variant), size.rows)
                    took[variant].append((time.perf_counter() - began) * 1000)
    medians = {each: sorted(times)[len(times) // 2] for each, times in took.items()}
    return [
        {
            "name": "column_insert",
            "unit": "ms",
            "rows": size.rows,
            **{each: [round(ms) for ms in times] for each, times in took.items()},
            "ratio_to_trigger": round(medians["column"] / medians["trigger"], 2),
            "ratio_to_plain": round(medians["column"] / medians["plain"], 2),
            "goal_ratio_to_trigger": GOAL_RATIO,
        },
        *[
            {"name": f"column_others_{verb}", "unit": "ms", "beside": beside, **quantiles(samples)}
            for beside, others in waited.items()
            for verb, samples in _verbs(others)
        ],
    ]


async def _measure_collecting(url: str, owner: Connection, size: Size) -> dict[str, Any]:
    """Look at all rows that were inserted at once; others go on meanwhile."""
    others = _Others()
    async with _tables(owner):
        await owner.execute(_INSERT.format(variant="column"), size.rows)
        caller = await connect(url)
        try:
            calls: list[float] = []
            async with _others(url, others, "column"):
                began = time.perf_counter()
                collected = 0
                while collected < size.rows:
                    at = time.perf_counter()
                    row = await caller.fetchrow(_RUN)
                    assert row is not None
                    collected += row["collected"]
                    calls.append((time.perf_counter() - at) * 1000)
                seconds = time.perf_counter() - began
        finally:
            await caller.close()
    return {
        "name": "column_collect",
        "unit": "rows/s",
        "rate": round(size.rows / seconds),
        "rows": size.rows,
        "call_ms": quantiles(calls),
        **{f"others_{verb}_ms": quantiles(samples) for verb, samples in _verbs(others)},
    }


def _verbs(others: _Others) -> Sequence[tuple[str, list[float]]]:
    return [
        (verb, samples)
        for verb, samples in (
            ("insert", others.insert),
            ("read", others.read),
            ("claim", others.claim),
        )
        if samples
    ]


async def _measure_backfill(url: str, owner: Connection, kind: str, rows: int) -> dict[str, Any]:
    """Fill old rows, with one caller and two workers that answer at once."""
    await owner.execute(_OLD.format(rows=rows))
    filled = "summary" if kind == "text" else "vector"
    try:
        column = await owner.fetchval(_BACKFILL[kind])
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_call(url), name="caller"),
                *[group.create_task(_work(url, f"w-{n}"), name=f"worker {n}") for n in range(2)],
            ]
            while await owner.fetchval(  # noqa: ASYNC110
                f"select count(*) from public.bench_old where {filled} is null"  # noqa: S608
            ):
                await asyncio.sleep(0.2)
            seconds = time.perf_counter() - began
            for each in tasks:
                each.cancel()
        tasks_made = await owner.fetchval(
            "select count(*) from public.cogo_tasks where column_id = $1", column
        )
        await owner.execute("select cogo.remove_ai_column('public.bench_old', $1)", filled)
    finally:
        await owner.execute(_DROP)
    return {
        "name": f"column_backfill_{kind}",
        "unit": "rows/s",
        "rate": round(rows / seconds),
        "rows": rows,
        "tasks": tasks_made,
        "callers": 1,
        "workers": 2,
    }


async def _call(url: str) -> None:
    connection = await connect(url)
    try:
        while True:
            row = await connection.fetchrow(_RUN)
            assert row is not None
            assert row["standing_still"] is None, row["standing_still"]
            if not row["is_more"]:
                await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        connection.terminate()


async def _work(url: str, agent: str) -> None:
    connection = await connect(url)
    try:
        while True:
            leases = await connection.fetch(_CLAIM, agent, ["cio", LANE], 100)
            if leases:
                await connection.execute(_COMPLETE, agent, [_complete(each) for each in leases])
            else:
                await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        connection.terminate()


def _complete(lease: asyncpg.Record) -> dict[str, Any]:
    done = {"subtask_id": str(lease["subtask_id"]), "attempt": lease["attempt"]}
    task = lease["task"]
    if lease["lane"] == "cio":
        step = {"key": "a", "type": task["type"], "lane": LANE, "params": {}, "dependencies": []}
        return done | {"plan": {"subtasks": [step]}}
    if task["type"] == "EMBED":
        vectors = [[0.25] * 8 for _ in task["params"]["input"]]
        output = {"text": "vectors", "embeddings": vectors, "encoding_format": "float"}
        return done | {"output": output}
    return done | {"output": {"text": "A ticket that says something."}}


@contextlib.asynccontextmanager
async def _tables(owner: Connection) -> AsyncIterator[None]:
    """Create the tables, and drop them with what the column has left."""
    await owner.execute(_DROP)
    await owner.execute(_SETUP)
    await owner.execute(_ADD)
    try:
        yield
    finally:
        await owner.execute("select cogo.remove_ai_column('public.bench_column', 'summary')")
        await owner.execute(_DROP)


@contextlib.asynccontextmanager
async def _others(url: str, waited: _Others, variant: str) -> AsyncIterator[None]:
    """Let others write to the table, read it and claim, each on a connection of its own."""
    statements: list[tuple[list[float], str, tuple[object, ...]]] = [
        (
            waited.insert,
            f"insert into public.bench_{variant} (subject) values ('one') returning id",  # noqa: S608
            (),
        ),
        (waited.read, f"select * from public.bench_{variant} where id = 1", ()),  # noqa: S608
        (waited.claim, _CLAIM, ("bench", [LANE], 10)),
    ]
    connections = [await connect(url, "postgres") for _ in statements]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_repeat(connection, *statement), name="other")
                for connection, statement in zip(connections, statements, strict=True)
            ]
            try:
                yield
            finally:
                for each in tasks:
                    each.cancel()
    finally:
        for connection in connections:
            connection.terminate()


async def _repeat(
    connection: Connection, samples: list[float], statement: str, arguments: tuple[object, ...]
) -> None:
    while True:
        began = time.perf_counter()
        await connection.fetch(statement, *arguments)
        samples.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(_PAUSE_SECONDS)
