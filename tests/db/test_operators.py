# ruff: noqa: S608 -- the statements are put together from our own names.

from datetime import timedelta
from typing import Any

import pytest

from tests.support.sql.agent import Agent, insert_task, plan_task, step
from tests.support.sql.database import ALICE, Database

pytestmark = pytest.mark.db

TABLES = (
    "public.cogo_tasks",
    "cogo.subtasks",
    "cogo.subtask_payloads",
    "cogo.subtask_outputs",
    "cogo.dependencies",
    "cogo.events",
    "public.cogo_attempts",
    "public.cogo_model_selections",
)


async def prune(agent: Agent, *, limit: int = 100, days: int = 30) -> Any:
    return await agent.connection.fetchval(
        "select pruned from public.cogo_prune($1, $2)", limit, timedelta(days=days)
    )


async def a_finished_task(agent: Agent) -> None:
    selection = {"key": "a", "selected_model": "model-a", "reason": "r"}
    await insert_task(agent.connection)
    [plan] = await agent.claim("cio")
    steps = [step("a"), step("b", "a")]
    await agent.complete(plan, plan={"subtasks": steps, "selections": [selection]})
    for _ in steps:
        [lease] = await agent.claim("model-a")
        await agent.complete(lease)


async def test_old_finished_tasks_are_forgotten_whole(database: Database, agent: Agent) -> None:
    await a_finished_task(agent)
    await database.jump(timedelta(days=31))

    assert await prune(agent) == 1

    for table in TABLES:
        assert await agent.connection.fetchval(f"select count(*) from {table}") == 0, table


async def test_a_task_or_a_subtask_that_is_deleted_takes_what_is_its_own(
    database: Database, agent: Agent
) -> None:
    owner = await database.connect("postgres")
    for _ in range(2):
        await a_finished_task(agent)
    gone, kept = await owner.fetch("select id from public.cogo_tasks order by seq")

    await owner.execute("delete from public.cogo_tasks where id = $1", gone["id"])
    await owner.execute("delete from cogo.subtasks where key = 'a'")

    left = await owner.fetch(
        "select s.key, o.subtask_id is not null as has_output,"
        " a.subtask_id is not null as was_tried"
        " from cogo.subtasks s"
        " full join cogo.subtask_outputs o on o.subtask_id = s.id"
        " full join public.cogo_attempts a on a.subtask_id = coalesce(s.id, o.subtask_id)"
        " order by s.key"
    )
    assert [tuple(row) for row in left] == [("b", True, True), ("plan", True, True)]
    histories = await owner.fetch("select distinct task_id from cogo.events")
    assert [row["task_id"] for row in histories] == [kept["id"]]


async def test_open_and_recent_tasks_are_kept(database: Database, agent: Agent) -> None:
    task_id = await insert_task(agent.connection)
    await agent.connection.execute("select from public.cogo_pause_task($1)", task_id)
    await database.jump(timedelta(days=31))
    await a_finished_task(agent)

    assert await prune(agent) == 0


async def test_a_task_whose_worker_has_not_stopped_is_kept(
    database: Database, agent: Agent
) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.connection.execute("select from public.cogo_cancel_task($1)", task_id)
    await database.jump(timedelta(days=31))

    assert await prune(agent) == 0
    assert await agent.complete(lease) == "closed"
    assert await prune(agent) == 1


async def test_pruning_skips_locked_rows_and_keeps_its_limit(
    database: Database, agent: Agent
) -> None:
    for _ in range(3):
        await a_finished_task(agent)
    await database.jump(timedelta(days=31))
    other = await database.connect("postgres")

    async with other.transaction():
        await other.execute("select from public.cogo_tasks order by seq limit 1 for key share")
        assert await prune(agent, limit=1) == 1
        assert await prune(agent) == 1
    assert await prune(agent) == 1


async def test_the_queue_says_how_many_stand_where_and_since_when(
    database: Database, agent: Agent
) -> None:
    asked = database.now
    steps = [step("a"), step("b"), step("wait", needs_approval=True), step("end", "a", "b", "wait")]
    await plan_task(agent, *steps, owner=ALICE)
    await plan_task(agent, step("dead"))
    for _ in range(2):
        await agent.claim("model-a", limit=1)
    await agent.connection.execute("select public.cogo_set_lane('model-a', p_max_running => 7)")
    await agent.connection.execute("select public.cogo_set_lane('idle', true)")
    await database.jump(timedelta(seconds=5))
    await agent.fail(
        dict(
            await agent.connection.fetchrow(
                "select id as subtask_id, attempt from cogo.subtasks where key = 'dead'"
            )
            or {}
        ),
        "give_up",
    )

    found = await agent.connection.fetch("select * from public.cogo_queue()")

    queue = {(row["lane"], row["owner"]): row for row in found}
    assert set(queue) == {
        ("cio", None), ("cio", ALICE), ("idle", None), ("model-a", None), ("model-a", ALICE),
    }  # fmt: skip
    mine, theirs = queue["model-a", ALICE], queue["model-a", None]
    assert [mine[name] for name in ("queued", "running", "waiting", "blocked", "dead")] == [
        1, 1, 1, 1, 0,
    ]  # fmt: skip
    assert (mine["oldest_at"], mine["lane_max_running"]) == (asked, 7)
    assert mine["oldest_ms"] == (database.now - asked).total_seconds() * 1000 > 0
    assert (theirs["dead"], float(theirs["failed_per_minute"])) == (1, 0.2)
    assert float(queue["cio", ALICE]["completed_per_minute"]) == 0.2
    idle = queue["idle", None]
    assert (idle["lane_paused"], idle["queued"], idle["oldest_ms"]) == (True, 0, None)


async def test_pruning_stops_after_a_long_history_and_goes_on_with_the_next_call(
    database: Database, agent: Agent
) -> None:
    owner = await database.connect("postgres")
    for _ in range(2):
        task_id = await plan_task(agent)
        await owner.execute(
            "insert into cogo.events (task_id, seq, kind)"
            " select $1, n, 'task.running' from generate_series(100, 6000) n",
            task_id,
        )
        await agent.connection.execute("select from public.cogo_cancel_task($1)", task_id)
    await database.jump(timedelta(days=31))

    pruned = [
        await agent.connection.fetchval("select pruned from public.cogo_prune()") for _ in range(3)
    ]

    assert pruned == [1, 1, 0]
