"""One run: a storm over tables with AI columns; then quiet, and the laws."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.columns.laws import find_broken
from tests.chaos.columns.workers import Worker, call_columns, kill, operate, run_columns
from tests.chaos.columns.world import CAPS, COLUMNS, Session, World, install, prepare
from tests.chaos.columns.writers import write

_WRITERS: Final = ("postgres", "postgres", "service_role", "authenticated")
_CALLERS: Final = 2
_WORKERS: Final = 2
_ROUNDS: Final = 2_000
"""After which what is not at rest will never be."""
_TWO_DAYS: Final = 172_800.0
_OPEN: Final = """
select (select count(*) from cogo.ai_edits)
     + (select count(*) from cogo.ai_cells where state in ('pending', 'asked'))
     + (select count(*) from public.cogo_tasks where finished_at is null)
     + (select count(*) from cogo.reservations)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnsResult:
    """What a run did, and the laws that it broke."""

    counts: Counter[str]
    broken: Sequence[str]


async def run_storm(
    url: str, superuser_url: str, *, seed: int, seconds: float, changes: Sequence[str] = ()
) -> ColumnsResult:
    """Run on a migrated database without other tables; `changes` is SQL that is run before."""
    world = World(url=url, superuser_url=superuser_url, seed=seed)
    await prepare(world)
    async with world.connect("postgres") as owner:
        for statement in changes:
            await (await owner.step()).execute(statement)
    async with asyncio.TaskGroup() as group:
        for number, role in enumerate(_WRITERS):
            group.create_task(write(world, number, role), name=f"writer {number}")
        for number in range(_CALLERS):
            group.create_task(run_columns(world, number), name=f"caller {number}")
        for number in range(_WORKERS):
            group.create_task(Worker(world, number).work(), name=f"worker {number}")
        group.create_task(operate(world), name="operator")
        group.create_task(kill(world), name="killer")
        await asyncio.sleep(seconds)
        world.is_over = True
    async with world.connect("postgres") as owner, world.connect() as session:
        await _check_storm(world, owner)
        await _settle(world, owner, session)
        broken = await find_broken(world, await owner.step())
    return ColumnsResult(counts=world.counts, broken=broken)


async def _check_storm(world: World, owner: Session) -> None:
    """Check what holds at any time."""
    connection = await owner.step()
    spent = await connection.fetchval(
        "select coalesce(sum(c.cost_usd), 0) from public.cogo_calls c"
        " join public.cogo_tasks t on t.id = c.task_id where t.column_id = $1",
        world.columns["urgency"],
    )
    world.counts["cents for urgency"] = round(100 * spent)
    if float(spent) > CAPS["urgency"]:
        world.problems.append(f"{spent} is spent for urgency, more than a cap allows")
    # Refusals of the model and of the table, and deaths again and again.
    failed = await connection.fetch(
        "select key, reason from cogo.ai_cells where state = 'failed'"
        " and reason !~ 'does not want to|urgency_is_a_digit|did not extend its lease'"
    )
    world.problems += [f"a cell failed without a fault: {dict(each)}" for each in failed]


async def _settle(world: World, owner: Session, session: Session) -> None:
    """Let everything end that is open, with money enough and without faults."""
    world.now = world.latest
    world.jump(_TWO_DAYS)
    connection = await owner.step()
    await connection.execute("select from public.cogo_set_budget('total', null, 'day', 1e6)")
    marks = {
        name: await connection.fetchval(
            "select substring(v.prompt from 'ver[0-9]+') from cogo.ai_column_versions v"
            " join cogo.ai_columns c on c.id = v.column_id and c.version = v.version"
            " where c.id = $1",
            column,
        )
        for name, column in world.columns.items()
    }
    for name in COLUMNS:
        await install(world, connection, name, 1e6, marks[name])
        await (await session.step()).execute(
            "select from public.cogo_resume_column($1)", world.columns[name]
        )
    worker = Worker(world, 99, is_reliable=True)
    await _drain(world, worker, session)
    world.jump(1)  # what failed at the moment of a backfill is none of it
    for column in world.columns.values():
        await (await session.step()).execute(
            "select from public.cogo_backfill_column($1, $2)",
            column,
            ["missing", "failed", "stale"],
        )
    await _drain(world, worker, session)
    for _ in range(2):
        await connection.execute(
            "update public.tickets set body = earlier_body, earlier_body = body"
            " where earlier_body is not null"
        )
        await _drain(world, worker, session)


async def _drain(world: World, worker: Worker, session: Session) -> None:
    began = time.monotonic()
    for _ in range(_ROUNDS):
        connection = await session.step()
        row = await call_columns(connection, "cio-99", 500)
        worked = await worker.step(session)
        if not worked and not row["is_more"] and not row["applied"] and not row["asked"]:
            await connection.execute("select from public.cogo_reap()")
            if await _count_open(world) == 0:
                break
            world.jump(30)
    else:
        world.problems.append("something never comes to rest")
    world.counts["ms to settle"] += round(1000 * (time.monotonic() - began))


async def _count_open(world: World) -> int:
    async with world.connect("postgres") as owner:
        return int(await (await owner.step()).fetchval(_OPEN))
