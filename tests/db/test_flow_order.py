"""Flows beside others: ends that race, wakes that are fair, suspended flows that cost nothing."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.db.laws import broken_laws
from tests.support.eventually import eventually
from tests.support.servers.postgres import ONE_VERSION
from tests.support.sql.agent import Agent, insert_task, statuses
from tests.support.sql.database import ALICE, BOB, Database
from tests.support.sql.flows import (
    answer,
    claim_flow,
    claim_steps,
    new_step,
    read_steps,
    start_flow,
    suspend,
)

pytestmark = pytest.mark.db


async def run_together(*calls: Any) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call) for call in calls]
    return [task.result() for task in tasks]


async def test_steps_that_end_together_get_numbers_of_their_own_and_wake_the_flow_once(
    database: Database, agent: Agent
) -> None:
    crowd = [Agent(await database.connect(), f"executor-{number}") for number in range(4)]
    for _ in range(10):
        task_id = await start_flow(agent, *(new_step(f"s{number}") for number in range(4)))
        held = [(each, (await each.claim("model-a", limit=1))[0]) for each in crowd]

        answers = await run_together(*(each.complete(lease) for each, lease in held))

        assert answers == ["ok"] * 4
        found = await read_steps(agent, task_id)
        assert sorted(row["end_no"] for row in found.values() if row["end_no"]) == [1, 2, 3, 4]
        assert await agent.complete(await claim_flow(agent, task_id)) == "ok"
    assert await broken_laws(agent.connection) == []


async def test_a_step_that_ends_while_the_flow_is_being_suspended_is_not_missed(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    for number in range(20):
        task_id = await start_flow(agent, new_step("a"), new_step("b"), wait="any")
        leases = await claim_steps(agent, "a", "b")
        await agent.complete(leases["a"])
        lease = await claim_flow(other_agent, task_id)
        calls = [
            agent.complete(leases["b"]),
            answer(other_agent, suspend(lease, "b", new_step(f"c{number}"), wait="any")),
        ]

        await run_together(*(calls if number % 2 else calls[::-1]))

        assert (await statuses(agent, task_id))["plan"] == "queued"
        assert await agent.complete(await claim_flow(agent, task_id)) == "ok"


async def test_a_suspension_waits_for_the_end_of_a_step_that_holds_the_task(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    task_id = await start_flow(agent, new_step("a"), new_step("b"), wait="any")
    leases = await claim_steps(agent, "a", "b")
    await agent.complete(leases["a"])
    lease = await claim_flow(other_agent, task_id)
    watcher = await database.connect("postgres")

    async with asyncio.TaskGroup() as group, agent.connection.transaction():
        await agent.complete(leases["b"])
        suspended = group.create_task(answer(other_agent, suspend(lease, "b")))
        await eventually(
            lambda: watcher.fetchval("select exists (select from pg_locks where not granted)")
        )

    assert suspended.result() == ("ok", None)
    assert (await statuses(agent, task_id))["plan"] == "queued"


async def test_a_cancelled_task_and_the_end_of_its_step_leave_no_flow_awake(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    for _ in range(10):
        task_id = await start_flow(agent, new_step("a"))
        leases = await claim_steps(agent, "a")

        await run_together(
            agent.complete(leases["a"]),
            other_agent.connection.execute("select from public.cogo_cancel_task($1)", task_id),
        )

        assert (await statuses(agent, task_id))["plan"] == "cancelled"
        assert await agent.claim("cio") == []
    assert await broken_laws(agent.connection) == []


@ONE_VERSION
async def test_wakes_of_one_owner_take_turns_with_the_tasks_of_another(
    database: Database, agent: Agent
) -> None:
    """A hundred flows of Alice wake before Bob's first task, and a hundred after each of hers."""
    for _ in range(100):
        await start_flow(agent, new_step("a", lane="model-b"), columns={"owner": ALICE})
    for lease in await agent.claim("model-b"):
        assert await agent.complete(lease) == "ok"
    bobs = {await insert_task(agent.connection, owner=BOB) for _ in range(5)}
    order: list[str] = []

    for number in range(20):
        [lease] = await agent.claim("cio", limit=1)
        order.append(lease["task"]["owner"])
        if lease["task_id"] in bobs:
            await agent.complete(lease)
        else:
            step = new_step(f"again{number}", lane="model-b")
            assert await answer(agent, suspend(lease, step)) == ("ok", None)
            [woken] = await agent.claim("model-b")
            await agent.complete(woken)

    # Bob is served at every second claim, as if Alice had inserted tasks instead.
    assert order[:10].count(str(BOB)) == 5


async def test_a_wake_does_not_pass_tasks_that_its_owner_inserted_before(
    agent: Agent,
) -> None:
    flow = await start_flow(agent, new_step("a"), columns={"owner": ALICE})
    tasks = [await insert_task(agent.connection, owner=ALICE) for _ in range(3)]
    [first] = await agent.claim("cio", limit=1)
    await agent.complete((await claim_steps(agent, "a"))["a"])

    leases = [first, *[(await agent.claim("cio", limit=1))[0] for _ in range(3)]]

    assert [lease["task_id"] for lease in leases] == [*tasks, flow]


async def test_a_suspended_flow_is_in_no_index_that_claims_read(agent: Agent) -> None:
    await start_flow(agent, new_step("a", "event"))
    indexes = await agent.connection.fetch(
        "select pg_get_expr(indpred, indrelid) as predicate, indexrelid::regclass::text as name"
        "  from pg_index where indrelid = 'cogo.subtasks'::regclass and indpred is not null"
    )

    found: Counter[str] = Counter()
    for index in indexes:
        rows = await agent.connection.fetchval(
            f"select count(*) from cogo.subtasks where kind = 'flow' and {index['predicate']}"  # noqa: S608
        )
        found[index["name"].rpartition(".")[2]] = rows

    assert {name for name, rows in found.items() if rows} == {"subtasks_blocked"}


async def test_a_suspended_flow_is_blocked_in_the_queue_and_wakes_count_as_work(
    agent: Agent,
) -> None:
    await start_flow(agent, new_step("a"), new_step("b", "event"))

    rows = await agent.connection.fetch(
        "select lane, queued, blocked, waiting, completed_per_minute from public.cogo_queue()"
    )

    found = {row["lane"]: tuple(row)[1:] for row in rows}
    assert {lane: row[:3] for lane, row in found.items()} == {
        "cio": (0, 1, 0),
        "model-a": (1, 0, 0),
        "wait": (0, 0, 1),
    }
    assert found["cio"][3] > 0


async def test_the_answer_of_a_workflow_is_rated_as_that_of_the_step_that_gave_it(
    agent: Agent,
) -> None:
    shown = {"answer": True}
    task_id = await start_flow(
        agent,
        new_step("a", metadata=shown),
        new_step("b", lane="model-b", metadata=shown),
        new_step("c", lane="model-c"),
        decisions={"team": {"models": []}},
    )
    for lane in ("model-a", "model-b", "model-c"):
        [lease] = await agent.claim(lane)
        await agent.complete(lease)
    await agent.complete(await claim_flow(agent, task_id))

    rating = await agent.connection.fetchval(
        "select model_id from public.cogo_feedback($1, 1)", task_id
    )

    assert rating == "model-b"
    decisions = await agent.connection.fetch(
        "select decisions from public.cogo_subtasks where task_id = $1 order by seq", task_id
    )
    assert [row["decisions"] for row in decisions] == [{"team": {"models": []}}, None, None, None]


async def test_events_of_steps_say_their_role_and_what_they_wait_for(agent: Agent) -> None:
    task_id = await start_flow(
        agent,
        new_step("draft", metadata={"digest": "d", "role": "coding"}),
        new_step("order", "event"),
    )
    await claim_steps(agent, "draft")

    events = await agent.connection.fetch(
        "select kind, detail from public.cogo_events"
        " where task_id = $1 and detail ->> 'key' <> 'plan' order by seq",
        task_id,
    )
    assert [
        (row["kind"], row["detail"].get("role"), row["detail"].get("name")) for row in events
    ] == [
        ("subtask.queued", "coding", None),
        ("subtask.waiting", None, "order"),
        ("subtask.running", "coding", None),
    ]
