from datetime import timedelta

import asyncpg
import pytest

from tests.db.calls import a_call, begin, end
from tests.support.sql.agent import Agent, plan_task
from tests.support.sql.database import Database

pytestmark = pytest.mark.db

MONTH = timedelta(days=30)


async def prune(
    agent: Agent, *, switches: timedelta | None = None, calls: timedelta | None = None
) -> int:
    found = await agent.connection.fetchval(
        "select pruned from public.cogo_prune_records(1, $1, $2)", switches, calls
    )
    return int(found)


async def a_lease_that_called(agent: Agent) -> dict[str, object]:
    await plan_task(agent)
    [lease] = await agent.claim("model-a", lease_seconds=10_000_000)
    call = a_call(lease)
    assert (await begin(agent, call))["answer"] == "ok"
    assert await end(agent, call, 0.1)
    return lease


async def test_old_switches_go_one_step_at_a_time_and_young_ones_stay(
    database: Database, agent: Agent
) -> None:
    for name in ("old", "older"):
        await agent.connection.execute("select public.cogo_control_model('ban', $1)", name)
    await database.jump(timedelta(days=2))
    await agent.connection.execute("select public.cogo_control_model('ban', 'young')")

    pruned = [await prune(agent, switches=timedelta(days=1)) for _ in range(3)]

    assert pruned == [1, 1, 0]
    kept = await agent.connection.fetch("select subject from public.cogo_model_switches")
    assert [row["subject"] for row in kept] == ["young"]


async def test_a_step_keeps_its_limit_whatever_the_plan(database: Database, agent: Agent) -> None:
    over = [await a_lease_that_called(agent) for _ in range(3)]
    for lease in over:
        await agent.complete(lease)
    for name in ("a", "b", "c"):
        await agent.connection.execute("select public.cogo_control_model('ban', $1)", name)
    await database.jump(timedelta(days=31))
    # The plan that Postgres also takes by itself if it thinks that the tables are tiny.
    for name in ("hashagg", "hashjoin", "material", "memoize", "mergejoin", "sort"):
        await agent.connection.execute(f"set enable_{name} = off")

    assert [await prune(agent, switches=MONTH) for _ in range(4)] == [1, 1, 1, 0]
    # A call and an action each.
    assert [await prune(agent, calls=MONTH) for _ in range(4)] == [2, 2, 2, 0]


async def test_the_audit_forgets_old_calls_of_tasks_that_are_over_only(
    database: Database, agent: Agent
) -> None:
    over, _ = await a_lease_that_called(agent), await a_lease_that_called(agent)
    await agent.complete(over)
    assert await prune(agent, calls=MONTH) == 0
    await database.jump(timedelta(days=31))
    assert await prune(agent) == 0

    assert await prune(agent, calls=MONTH) == 1
    assert await prune(agent, calls=MONTH) == 0


async def test_nobody_empties_the_audit_of_the_last_month(agent: Agent) -> None:
    with pytest.raises(asyncpg.PostgresError, match="younger than 30 days"):
        await prune(agent, calls=timedelta(days=29))
