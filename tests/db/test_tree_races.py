"""Tasks of a tree that insert child tasks at the same moment keep its limit, and never deadlock."""

import asyncio
from uuid import UUID

import pytest

from tests.db.laws import broken_laws
from tests.support.eventually import eventually
from tests.support.sql.agent import Agent, Row, ref, task_of
from tests.support.sql.database import Connection, Database
from tests.support.sql.waits import (
    begin_flow,
    child_step,
    children_of,
    claim_flow,
    start_flow,
    suspend,
)

pytestmark = pytest.mark.db

WAITS = """
select count(*) from pg_stat_activity
 where datname = current_database() and wait_event_type = 'Lock'
"""


async def open_leases(agent: Agent, task_id: UUID, count: int) -> list[Row]:
    """Claim the flows of the first child tasks."""
    children = await children_of(agent, task_id)
    return [await claim_flow(agent, child["id"]) for child in children[:count]]


async def all_wait(connection: Connection, *others: "asyncio.Task[object]") -> bool:
    """Return whether each of the calls has ended or waits for a lock."""
    left = sum(not other.done() for other in others)
    return bool(await connection.fetchval(WAITS) >= left)


async def count_children(agent: Agent) -> int:
    """Count the child tasks of all trees."""
    return int(await agent.connection.fetchval("select count(*) from cogo.child_tasks"))


async def test_two_tasks_of_a_tree_do_not_pass_its_limit_together(
    database: Database, agent: Agent
) -> None:
    lease = await begin_flow(agent)
    await suspend(agent, lease, *[child_step(f"a{number}") for number in range(100)])
    first, second, third = await open_leases(agent, lease["task_id"], 3)
    await suspend(agent, first, *[child_step(f"b{number}") for number in range(99)])
    other = Agent(await database.connect(), agent.id)
    watcher = await database.connect("postgres")

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        async with agent.connection.transaction():
            assert (await suspend(agent, second, child_step("last")))["answer"] == "ok"
            late = group.create_task(suspend(other, third, child_step("too-many")))
            await eventually(lambda: all_wait(watcher, late))
        assert (await late)["answer"] == "ok"

    assert await count_children(agent) == 200
    refused = await agent.connection.fetchval(
        "select error from public.cogo_subtasks where task_id = $1 and key = 'too-many'",
        third["task_id"],
    )
    assert refused["class"] == "child_limit"
    assert await broken_laws(agent.connection) == []


async def test_a_tree_that_is_cancelled_while_two_of_its_tasks_grow(
    database: Database, agent: Agent
) -> None:
    task_id = await start_flow(agent, child_step("a"), child_step("b"))
    first, second = await open_leases(agent, task_id, 2)
    other = Agent(await database.connect(), agent.id)
    user, watcher = await database.connect(), await database.connect("postgres")

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        async with agent.connection.transaction():
            await suspend(agent, first, child_step("c"))
            grows = group.create_task(suspend(other, second, child_step("d")))
            await eventually(lambda: all_wait(watcher, grows))
            cancels = group.create_task(
                user.execute("select from public.cogo_cancel_task($1)", task_id)
            )
            await eventually(lambda: all_wait(watcher, grows, cancels))
        await grows
        await cancels
    for _ in range(3):
        await agent.reap()

    assert (await task_of(agent, task_id))["status"] == "cancelled"
    left = "select count(*) from public.cogo_tasks where finished_at is null"
    assert await agent.connection.fetchval(left) == 0
    assert await broken_laws(agent.connection) == []


async def test_trees_are_locked_in_one_order_whatever_the_order_of_a_batch(
    database: Database, agent: Agent
) -> None:
    trees = sorted([await start_flow(agent, child_step("a"), child_step("b")) for _ in range(2)])
    (a, b), (c, d) = [await open_leases(agent, tree, 2) for tree in trees]
    other = Agent(await database.connect(), agent.id)
    blocker, watcher = await database.connect("postgres"), await database.connect("postgres")

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        async with blocker.transaction():
            await blocker.execute("select cogo.lock_trees($1)", trees[:1])
            batches = [
                group.create_task(agent.complete_all([grow(a), grow(c)])),
                group.create_task(other.complete_all([grow(d), grow(b)])),
            ]
            await eventually(lambda: all_wait(watcher, *batches))
            assert not any(batch.done() for batch in batches)
            async with watcher.transaction():  # neither holds the second tree
                await watcher.execute("set local lock_timeout = '5s'")
                await watcher.execute("select cogo.lock_trees($1)", trees[1:])
        answers = [row["answer"] for batch in batches for row in await batch]

    assert answers == ["ok"] * 4
    assert await broken_laws(agent.connection) == []


async def test_a_redrive_and_a_child_that_grows_at_the_same_moment(
    database: Database, agent: Agent
) -> None:
    """The redrive inserts a cancelled child task anew, and takes all locks in order."""
    task_id = await start_flow(agent, child_step("a"), child_step("b"))
    lease = await claim_flow(agent, (await children_of(agent, task_id))[0]["id"])
    await agent.connection.execute(
        "select cogo.fail_task($1, $2)", task_id, {"class": "workflow_error", "message": "no"}
    )
    other = Agent(await database.connect(), agent.id)
    watcher = await database.connect("postgres")

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        async with agent.connection.transaction():
            await agent.connection.execute("select from public.cogo_redrive_task($1)", task_id)
            late = group.create_task(suspend(other, lease, child_step("c")))
            await eventually(lambda: all_wait(watcher, late))
        assert (await late)["answer"] in {"ok", "closed"}

    assert (await task_of(agent, task_id))["status"] in {"pending", "running"}
    assert await broken_laws(agent.connection) == []


def grow(lease: Row) -> Row:
    """Build a completion that suspends a flow for one child task."""
    suspension = {"steps": [child_step("more")], "awaits": ["more"]}
    return ref(lease) | {"output": {}, "suspend": suspension}
