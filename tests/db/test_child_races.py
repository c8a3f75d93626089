"""Parents and children that end at the same moment: nothing waits for ever, nothing is lost."""

# ruff: noqa: S311 -- a fixed seed.

import asyncio
import random
from uuid import UUID

import asyncpg
import pytest

from tests.db.laws import broken_laws
from tests.support.sql.agent import Agent, Row, statuses, task_of
from tests.support.sql.database import Database
from tests.support.sql.waits import (
    child_step,
    children_of,
    claim_flow,
    read_record,
    start_flow,
    suspend,
)

pytestmark = pytest.mark.db


async def steer(agent: Agent, function: str, task_id: UUID) -> str:
    """Call a function for users; return `ok` or the SQLSTATE of the refusal."""
    try:
        await agent.connection.execute(f"select from public.cogo_{function}_task($1)", task_id)
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)
    return "ok"


async def test_a_wake_does_not_wait_for_a_parent_that_is_locked(
    database: Database, agent: Agent
) -> None:
    task_id = await start_flow(agent, child_step("a"))
    free = await start_flow(agent, child_step("b"))
    for each in (task_id, free):
        [child] = await children_of(agent, each)
        await agent.complete(await claim_flow(agent, child["id"]))
    blocker = await database.connect("postgres")

    async with blocker.transaction():
        await blocker.execute(
            "select from public.cogo_tasks where id = $1 for no key update", task_id
        )
        async with asyncio.timeout(25):
            assert [lease["task_id"] for lease in await agent.claim("cio")] == [free]

    assert [lease["task_id"] for lease in await agent.claim("cio")] == [task_id]


async def test_a_child_that_is_locked_is_cancelled_by_the_next_wake(
    database: Database, agent: Agent
) -> None:
    task_id = await start_flow(agent, child_step("a"), child_step("b"))
    a, b = await children_of(agent, task_id)
    blocker = await database.connect("postgres")

    async with blocker.transaction():
        await blocker.execute(
            "select from public.cogo_tasks where id = $1 for no key update", b["id"]
        )
        await agent.connection.execute(
            "update cogo.subtasks set deps_left = 1 where task_id = $1 and key = 'plan'", task_id
        )
        await agent.complete(await claim_flow(agent, a["id"]))
        await agent.complete(await claim_flow(agent, task_id))
        await agent.reap()
        assert (await task_of(agent, b["id"]))["status"] == "pending"
        assert await broken_laws(agent.connection) == []

    await agent.reap()
    await agent.reap()

    assert (await task_of(agent, b["id"]))["status"] == "cancelled"
    assert await agent.connection.fetchval("select count(*) from cogo.wakes") == 0


async def test_the_end_of_a_child_and_the_cancellation_of_its_parent_at_once(
    database: Database, agent: Agent
) -> None:
    workers = [Agent(await database.connect(), f"executor-{number}") for number in range(4)]
    for _ in range(8):
        task_id = await start_flow(agent, child_step("a"), child_step("b"))
        children = await children_of(agent, task_id)
        leases = [await claim_flow(agent, child["id"]) for child in children]

        async with asyncio.timeout(25), asyncio.TaskGroup() as group:
            for worker, lease in zip(workers, leases, strict=False):
                worker.id = agent.id
                group.create_task(worker.complete(lease, usage={"cost_usd": 0.5}))
            group.create_task(steer(workers[2], "cancel", task_id))
            group.create_task(workers[3].reap())
        await agent.reap()
        await agent.reap()

        assert await agent.connection.fetchval("select count(*) from cogo.wakes") == 0
        assert float((await task_of(agent, task_id))["cost_usd"]) == 1
        assert await broken_laws(agent.connection) == []


async def test_a_parent_that_is_steered_while_its_tree_grows_loses_nothing(
    database: Database, agent: Agent
) -> None:
    crowd = [Agent(await database.connect(), f"executor-{number}") for number in range(4)]
    choice = random.Random(13)
    roots = [await start_flow(agent, child_step("a"), child_step("b")) for _ in range(3)]
    left = {"steps": 60}

    async def work(member: Agent) -> None:
        while left["steps"] > 0:
            left["steps"] -= 1
            await member.reap()
            for lease in await member.claim("cio", limit=2):
                await end(member, lease, choice)

    async def interfere(member: Agent) -> None:
        while left["steps"] > 0:
            action = choice.choice(("pause", "resume", "resume", "cancel"))
            assert await steer(member, action, choice.choice(roots)) in {"ok", "TQ003"}

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for member in crowd[:3]:
            group.create_task(work(member))
        group.create_task(interfere(crowd[3]))
    assert await broken_laws(agent.connection) == []

    for root in roots:
        await steer(agent, "cancel", root)
    for member in crowd:
        await member.release()
    for _ in range(4):
        await agent.reap()
    assert await broken_laws(agent.connection) == []
    assert await agent.connection.fetchval("select count(*) from cogo.wakes") == 0
    unfinished = "select count(*) from public.cogo_tasks where finished_at is null"
    assert await agent.connection.fetchval(unfinished) == 0


async def end(member: Agent, lease: Row, choice: random.Random) -> None:
    """End an attempt at a flow in some way."""
    usage = {"cost_usd": 0.25}
    number = len(lease["flow"].get("steps", []))
    match choice.randrange(4):
        case 0:
            await member.complete(lease, usage=usage)
        case 1:
            error = {"class": "workflow_error", "message": "it failed"}
            await member.fail(lease, "give_up", error=error, usage=usage)
        case _:
            answer = await suspend(
                member, lease, child_step(f"c{number}"), child_step(f"d{number}")
            )
            assert answer["answer"] in {"ok", "closed", "stale"}, answer


async def test_two_orchestrators_apply_a_wake_once(database: Database, agent: Agent) -> None:
    workers = [Agent(await database.connect(), f"executor-{number}") for number in range(4)]
    task_id = await start_flow(agent, *[child_step(f"c{number}") for number in range(4)])
    for child in await children_of(agent, task_id):
        await agent.complete(await claim_flow(agent, child["id"]), usage={"cost_usd": 0.25})

    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(worker.reap())
    await agent.reap()

    assert (await statuses(agent, task_id))["plan"] == "queued"
    record = await read_record(agent, task_id)
    assert sorted(step["end_no"] for step in record.values()) == [1, 2, 3, 4]
    assert float((await task_of(agent, task_id))["cost_usd"]) == 1
