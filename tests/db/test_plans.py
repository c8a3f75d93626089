import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.support.sql.agent import Agent, Row, insert_task, plan_task, statuses, step, task_of
from tests.support.sql.database import Database

pytestmark = pytest.mark.db


@pytest.mark.parametrize(
    ("plan", "detail"),
    [
        ({}, "at least one subtask"),
        ({"subtasks": []}, "at least one subtask"),
        ({"subtasks": ["a"]}, "needs a text key"),
        ({"subtasks": [step("")]}, "needs a text key"),
        ({"subtasks": [step("a", type=None)]}, "needs a text type"),
        ({"subtasks": [step("a") | {"lane": None}]}, "needs a text lane"),
        ({"subtasks": [step("a", params=[])]}, "params of subtask a"),
        ({"subtasks": [step("a", metadata="x")]}, "metadata of subtask a"),
        ({"subtasks": [step("a", dependencies="b")]}, "dependencies of subtask a"),
        ({"subtasks": [step("a"), step("a")]}, "the key a is taken"),
        ({"subtasks": [step("plan")]}, "the key plan is taken"),
        ({"subtasks": [step("a", "ghost")]}, "a waits for ghost"),
        ({"subtasks": [step("a"), step("b")]}, "exactly one sink"),
        ({"subtasks": [step("a", sink=True), step("b", "a", sink=True)]}, "exactly one sink"),
        ({"subtasks": [step("a", "b"), step("b", "a"), step("c", "a")]}, "have a cycle"),
        ({"subtasks": [step("a", "a"), step("c", "a")]}, "have a cycle"),
        ({"subtasks": [step("a")], "selections": [{"key": "b"}]}, "a selection is for a key"),
        ({"subtasks": [step("a", run_at="tomorrow-ish")]}, "tomorrow-ish"),
        ({"subtasks": [step("a", priority="high")]}, "high"),
    ],
)
async def test_a_bad_plan_is_refused_with_a_reason_and_nothing_is_written(
    agent: Agent, plan: Row, detail: str
) -> None:
    task_id = await insert_task(agent.connection)
    [lease] = await agent.claim("cio")
    item = {"subtask_id": str(lease["subtask_id"]), "attempt": 1, "output": {}, "plan": plan}

    [answer] = await agent.complete_all([item])

    assert answer["answer"] == "invalid"
    assert detail in answer["detail"]
    assert await statuses(agent, task_id) == {"plan": "running"}
    assert await agent.complete(lease, plan={"subtasks": [step("a")]}) == "ok"


async def test_only_a_flow_is_completed_with_a_plan(agent: Agent) -> None:
    await plan_task(agent)
    [code] = await agent.claim("model-a")

    assert await agent.complete(code, plan={"subtasks": [step("a")]}) == "invalid"
    assert await agent.complete(code, route={"lane": "model-b"}) == "invalid"


async def test_subtasks_start_when_all_that_they_wait_for_is_done(agent: Agent) -> None:
    steps = [
        step("end", "left", "right"),
        step("left", "root"),
        step("right", "root"),
        step("root"),
    ]
    task_id = await plan_task(agent, *steps)
    order = []
    while leases := await agent.claim("model-a"):
        order.append([lease["key"] for lease in leases])
        for lease in leases:
            await agent.complete(lease, output={"key": lease["key"]})

    assert order == [["root"], ["left", "right"], ["end"]]
    assert (await task_of(agent, task_id))["result"] == {"key": "end"}


async def test_a_chosen_sink_ends_the_task_and_cancels_the_rest(agent: Agent) -> None:
    task_id = await plan_task(agent, step("a", sink=True), step("b"), step("c", "b"))
    first, running = await agent.claim("model-a")

    assert await agent.complete(first) == "ok"

    assert (await task_of(agent, task_id))["status"] == "completed"
    assert await agent.extend(running) == ["cancel"]
    assert (await statuses(agent, task_id))["c"] == "cancelled"


async def test_a_planned_subtask_carries_what_the_plan_says(
    database: Database, agent: Agent
) -> None:
    run_at = database.now.isoformat()
    planned = step("a", priority=2, max_failures=9, metadata={"x": 1}, run_at=run_at)
    nulls = dict.fromkeys(["priority", "max_failures", "run_at", "sink", "metadata"])
    task_id = await plan_task(agent, planned, step("b", "a", "a") | nulls, priority=7)

    found = await agent.connection.fetch(
        "select key, priority, max_failures, params, metadata, sink, deps_left, dependencies"
        "  from public.cogo_subtasks where task_id = $1 and key <> 'plan' order by seq",
        task_id,
    )
    first, second = [dict(row) for row in found]
    assert (first["priority"], first["max_failures"], first["sink"]) == (2, 9, False)
    assert first["params"] == planned["params"]
    assert first["metadata"] == {"x": 1}
    assert (second["priority"], second["max_failures"], second["sink"]) == (7, 5, True)
    assert (second["deps_left"], len(second["dependencies"])) == (1, 1)


async def test_siblings_that_finish_at_once_still_start_what_waits_for_them(
    database: Database, agent: Agent
) -> None:
    siblings = [Agent(await database.connect(), f"executor-{number}") for number in range(4)]
    for _ in range(10):
        keys = [f"s{number}" for number in range(len(siblings))]
        task_id = await plan_task(agent, *map(step, keys), step("end", *keys))
        held: list[tuple[Agent, Row]] = []
        for sibling in siblings:
            [lease] = await sibling.claim("model-a", limit=1)
            held.append((sibling, lease))

        answers = await at_once(*(sibling.complete(lease) for sibling, lease in held))

        assert answers == ["ok"] * len(siblings)
        assert (await statuses(agent, task_id))["end"] == "queued"
        [end] = await agent.claim("model-a")
        await agent.complete(end)


async def at_once(*calls: Any) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call) for call in calls]
    return [task.result() for task in tasks]


async def test_a_time_without_an_offset_is_utc_in_a_session_of_any_time_zone(
    database: Database, agent: Agent
) -> None:
    await agent.connection.execute("set timezone = 'America/New_York'")

    task_id = await plan_task(agent, step("later", run_at="2026-03-01T12:30:00"))

    run_at = await agent.connection.fetchval(
        "select run_at from public.cogo_subtasks where task_id = $1 and key = 'later'", task_id
    )
    assert run_at == database.now + timedelta(minutes=30)
