import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.db.laws import broken_laws
from tests.support.servers.postgres import Cluster
from tests.support.sql.agent import Agent, Row, insert_task, ref, step
from tests.support.sql.database import Database

pytestmark = pytest.mark.db

SECONDS = 2.0
LANES = ("cio", "model-a", "model-b")
PLANS = (
    [step("only")],
    [step("root"), step("x", "root"), step("y", "root", lane="model-b"), step("end", "x", "y")],
    [*map(step, "abcd"), step("end", *"abcd", lane="model-b")],
)


def finished(lease: Row, dice: random.Random) -> Row:
    """Return the completion of a lease of any kind."""
    if lease["type"] == "PLAN":
        return ref(lease) | {"plan": {"subtasks": dice.choice(PLANS)}}
    if lease["lane"] == "cio":
        return ref(lease) | {"route": {"lane": "model-b"}}
    return ref(lease) | {"output": {}, "usage": {"cost_usd": 0.1}}


async def work(agent: Agent, dice: random.Random, answers: Counter[str]) -> None:
    """Claim, finish, fail, drain and die without a pattern, until cancelled."""
    held: list[Row] = []
    while True:
        draw = dice.random()
        if draw < 0.35 or not held:
            held += await agent.claim(*LANES, limit=dice.randint(1, 6), lease_seconds=1)
        elif draw < 0.75:
            batch = [held.pop(dice.randrange(len(held))) for _ in range(min(len(held), 4))]
            for row in await agent.complete_all([finished(lease, dice) for lease in batch]):
                answers[row["answer"]] += 1
        elif draw < 0.85:
            action = dice.choice(["retry", "reroute", "give_up", "snooze"])
            await agent.fail(held.pop(), action, after=dice.choice([None, 0]))
        elif draw < 0.9:
            await agent.release(died=dice.random() < 0.5)
            held.clear()
        elif draw < 0.95:
            await agent.extend(*held)
        else:
            await agent.reap()


async def steer(agent: Agent, dice: random.Random, answers: Counter[str]) -> None:
    """Ask for tasks and change one's mind about them, until cancelled."""
    tasks: list[object] = []
    # Few tasks at a time, so that everybody works on the same ones.
    open_tasks = "select count(*) from public.cogo_tasks where finished_at is null"
    while True:
        if await agent.connection.fetchval(open_tasks) < 6:
            tasks.append(await insert_task(agent.connection, priority=dice.randint(0, 9)))
            continue
        verb = dice.choice(["pause", "resume", "resume", "redrive", "cancel"])
        try:
            await agent.connection.execute(
                f"select from public.cogo_{verb}_task($1)", dice.choice(tasks[-20:])
            )
        except asyncpg.PostgresError as refused:
            if refused.sqlstate != "TQ003":
                raise
            answers["refused"] += 1


@pytest.fixture
async def quick_to_see_deadlocks(cluster: Cluster, migrated: str) -> AsyncIterator[None]:
    """Without it Postgres looks for a circle only after a second of waiting."""
    superuser = await asyncpg.connect(cluster.dsn("supabase_admin", migrated))
    await superuser.execute(f"alter database {migrated} set deadlock_timeout = '10ms'")
    yield
    await superuser.execute(f"alter database {migrated} reset deadlock_timeout")
    await superuser.close()


@pytest.mark.usefixtures("quick_to_see_deadlocks")
async def test_random_concurrent_calls_neither_deadlock_nor_break_a_law(
    database: Database,
) -> None:
    answers: Counter[str] = Counter()
    crowd = [Agent(await database.connect(), f"executor-{number}") for number in range(8)]
    for member in crowd:
        await member.connection.execute("set cogo.fake_now = ''")  # the real clock

    try:
        async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
            for number, member in enumerate(crowd):
                act = steer if number == 0 else work
                group.create_task(act(member, random.Random(number), answers))  # noqa: S311
    except TimeoutError:
        pass

    # A deadlock or a refusal that nobody expects would have ended the group with its error.
    assert answers["ok"] > 0
    assert await broken_laws(await database.connect()) == []
