# ruff: noqa: S608 -- the statements are put together from our own names.

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.db.laws import broken_laws
from tests.support.sql.agent import Agent, Row, insert_task, statuses, task_of
from tests.support.sql.database import ALICE, Database
from tests.support.sql.waits import (
    begin_flow,
    child_step,
    children_of,
    claim_flow,
    finish,
    read_record,
    start_flow,
    suspend,
)

pytestmark = pytest.mark.db


async def give_up(agent: Agent, task_id: UUID, error: Row) -> None:
    lease = await claim_flow(agent, task_id)
    await agent.fail(lease, "give_up", error=error)


async def call(agent: Agent, function: str, *arguments: object) -> Any:
    marks = ", ".join(f"${number}" for number in range(1, len(arguments) + 1))
    return await agent.connection.fetchrow(
        f"select * from public.cogo_{function}({marks})", *arguments
    )


async def test_a_child_has_what_its_parent_may_have(database: Database, agent: Agent) -> None:
    deadline = database.now + timedelta(hours=1)
    session_id = await agent.connection.fetchval("select gen_random_uuid()")
    task_id = await start_flow(
        agent,
        child_step(
            "a", prompt="child", params={"x": 1}, preferences={"data_policy": ["local-only"]}
        ),
        child_step("b", preferences={"policy": "explore"}, model="model-a"),
        owner=ALICE, deadline=deadline, priority=2, session_id=session_id,
        preferences={"data_policy": "eu", "policy": "scored"}, project="web", tags=["a", "b"],
    )  # fmt: skip

    a, b = await children_of(agent, task_id)

    assert (a["owner"], a["deadline"], a["priority"], a["session_id"]) == (ALICE, deadline, 2, None)
    assert (a["type"], a["prompt"], a["params"], a["status"]) == (
        "CHAT",
        "child",
        {"x": 1},
        "pending",
    )
    assert a["preferences"] == {"data_policy": ["eu", "local-only"]}
    assert b["preferences"] == {"data_policy": ["eu"], "policy": "explore"}
    assert b["model"] == "model-a"
    assert [(each["project"], each["tags"]) for each in (a, b)] == [("web", ["a", "b"])] * 2


async def test_the_result_of_a_child_is_the_output_of_its_step(agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"))
    [child] = await children_of(agent, task_id)

    assert await finish(agent, child["id"], 0.5, text="forty-two") == "ok"

    record = await read_record(agent, task_id)
    assert record["a"]["output"] == {"text": "forty-two"}
    assert float(record["a"]["cost_usd"]) == 0.5
    assert await broken_laws(agent.connection) == []


async def test_the_end_of_a_child_rings_the_orchestrators(database: Database, agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"))
    [child] = await children_of(agent, task_id)
    await finish(agent, child["id"])

    superuser = await database.connect("postgres")
    [message] = await superuser.fetch(
        "select topic, payload from realtime.messages where event = 'CHILD_ENDED'"
    )

    assert message["topic"] == "cogo-tasks"
    said = message["payload"]["payload"]
    assert (said["task_id"], said["child_task_id"]) == (str(task_id), str(child["id"]))
    assert said["status"] == "completed"


async def test_the_reaper_applies_wakes_too(agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"))
    [child] = await children_of(agent, task_id)
    await finish(agent, child["id"])

    await agent.reap()

    assert await statuses(agent, task_id) == {"plan": "queued", "a": "completed"}


async def test_the_failure_of_a_child_is_that_of_its_step(agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"), child_step("b"))
    a, b = await children_of(agent, task_id)
    await give_up(agent, a["id"], {"class": "content_filtered", "message": "no"})
    await call(agent, "cancel_task", b["id"], "asked twice")

    record = await read_record(agent, task_id)

    assert record["a"]["status"] == "failed"
    assert record["a"]["error"] == {
        "class": "content_filtered",
        "message": "no",
        "task_id": str(a["id"]),
    }
    assert record["b"]["error"]["class"] == "cancelled"
    assert record["b"]["error"]["message"] == "asked twice"
    assert (await task_of(agent, task_id))["status"] == "running"


async def test_a_deleted_child_does_not_leave_its_parent_waiting(
    database: Database, agent: Agent
) -> None:
    task_id = await start_flow(agent, child_step("a"))
    [child] = await children_of(agent, task_id)

    await agent.connection.execute("delete from public.cogo_tasks where id = $1", child["id"])

    assert (await read_record(agent, task_id))["a"]["error"][
        "message"
    ] == "the child task was deleted"


async def test_what_a_child_costs_is_its_parents_cost_once(agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"), child_step("b"))
    a, b = await children_of(agent, task_id)
    await finish(agent, a["id"], 0.25)
    await agent.reap()
    await finish(agent, b["id"], 0.5)
    await agent.reap()
    await agent.reap()

    task = await task_of(agent, task_id)

    assert (float(task["cost_usd"]), task["output_tokens"]) == (0.75, 10)
    assert await broken_laws(agent.connection) == []


async def test_what_a_child_costs_after_its_end_is_its_parents_cost_too(agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"))
    [child] = await children_of(agent, task_id)
    lease = await claim_flow(agent, child["id"])
    await call(agent, "cancel_task", task_id)
    await agent.reap()

    assert await agent.complete(lease, usage={"cost_usd": 0.5}) == "closed"
    await agent.reap()

    assert float((await task_of(agent, task_id))["cost_usd"]) == 0.5
    assert await broken_laws(agent.connection) == []


async def test_tokens_of_an_ended_child_are_its_parents_though_its_cost_stays_unknown(
    agent: Agent,
) -> None:
    task_id = await start_flow(agent, child_step("a"))
    [child] = await children_of(agent, task_id)
    lease = await claim_flow(agent, child["id"])
    await agent.fail(lease, after=0, usage={"cost_usd": None, "output_tokens": 2})
    lease = await claim_flow(agent, child["id"])
    await call(agent, "cancel_task", task_id)
    await agent.reap()

    await agent.complete(lease, usage={"cost_usd": None, "output_tokens": 3})
    await agent.reap()

    task = await task_of(agent, task_id)
    assert (task["cost_usd"], task["output_tokens"]) == (None, 5)
    assert await broken_laws(agent.connection) == []


async def test_an_unknown_cost_of_a_grandchild_makes_the_cost_of_all_above_unknown(
    agent: Agent,
) -> None:
    task_id = await start_flow(agent, child_step("a"))
    [child] = await children_of(agent, task_id)
    await suspend(agent, await claim_flow(agent, child["id"]), child_step("b"))
    [grandchild] = await children_of(agent, child["id"])
    lease = await claim_flow(agent, grandchild["id"])
    await agent.complete(lease, usage={"cost_usd": None, "output_tokens": 3})
    await finish(agent, child["id"], 0.5)
    await agent.reap()

    task = await task_of(agent, task_id)

    assert (task["cost_usd"], task["output_tokens"]) == (None, 8)
    assert await broken_laws(agent.connection) == []


async def test_cancel_pause_and_resume_go_down(agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"))
    [child] = await children_of(agent, task_id)
    await suspend(agent, await claim_flow(agent, child["id"]), child_step("b"))
    [grandchild] = await children_of(agent, child["id"])
    tasks = (task_id, child["id"], grandchild["id"])

    async def states() -> list[str]:
        return [(await task_of(agent, each))["status"] for each in tasks]

    await call(agent, "pause_task", task_id)
    assert await states() == ["held", "held", "held"]
    assert await agent.claim("cio") == []
    await call(agent, "resume_task", task_id)
    assert await states() == ["running", "running", "pending"]
    await call(agent, "cancel_task", task_id)
    assert await states() == ["cancelled", "cancelled", "cancelled"]
    assert await broken_laws(agent.connection) == []


async def test_a_child_of_a_held_parent_is_held(agent: Agent) -> None:
    lease = await begin_flow(agent)
    await call(agent, "pause_task", lease["task_id"])

    await suspend(agent, lease, child_step("a"))

    [child] = await children_of(agent, lease["task_id"])
    assert child["status"] == "held"
    assert await statuses(agent, child["id"]) == {"plan": "held"}
    await call(agent, "resume_task", lease["task_id"])
    assert [row["task_id"] for row in await agent.claim("cio")] == [child["id"]]


async def test_a_child_that_is_not_needed_is_cancelled(agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"), child_step("b"))
    a, b = await children_of(agent, task_id)
    await suspend_any(agent, task_id, a)
    lease = await claim_flow(agent, task_id)

    answer = await suspend(agent, lease, child_step("c"), cancel=["b"])

    assert answer["answer"] == "ok", answer
    assert (await task_of(agent, b["id"]))["status"] == "cancelled"
    assert (await statuses(agent, task_id))["b"] == "cancelled"


async def suspend_any(agent: Agent, task_id: UUID, child: Row) -> None:
    """Wake the flow, and suspend it until any of its children ends; then end this one."""
    await agent.connection.execute(
        "update cogo.subtasks set deps_left = 1 where task_id = $1 and key = 'plan'", task_id
    )
    await finish(agent, child["id"])


async def test_a_parent_that_ends_cancels_its_children(agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"), child_step("b"))
    a, b = await children_of(agent, task_id)
    await suspend_any(agent, task_id, a)

    await finish(agent, task_id)

    assert (await task_of(agent, task_id))["status"] == "completed"
    assert (await task_of(agent, b["id"]))["status"] == "cancelled"


async def test_at_the_deadline_children_get_no_grace(database: Database, agent: Agent) -> None:
    task_id = await start_flow(
        agent, child_step("a"), deadline=database.now + timedelta(seconds=60)
    )
    [child] = await children_of(agent, task_id)
    await suspend(agent, await claim_flow(agent, child["id"]), child_step("b"))
    await database.jump(timedelta(seconds=61))

    await agent.reap()

    assert (await task_of(agent, child["id"]))["status"] in {"failed", "cancelled"}
    assert (await statuses(agent, task_id))["plan"] == "queued"
    record = await read_record(agent, task_id)
    assert record["a"]["error"]["class"] == "deadline"


async def test_redriving_a_step_redrives_its_child(agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"), child_step("b"))
    a, b = await children_of(agent, task_id)
    await give_up(agent, a["id"], {"class": "overloaded", "message": "no"})
    await suspend_any_now(agent, task_id)
    lease = await claim_flow(agent, task_id)
    error = {"class": "overloaded", "message": "no", "step": "a"}
    await agent.fail(lease, "give_up", error=error)
    assert (await task_of(agent, b["id"]))["status"] == "cancelled"

    await call(agent, "redrive_task", task_id)

    assert (await task_of(agent, a["id"]))["status"] in {"pending", "running"}
    lease = await claim_flow(agent, task_id)
    await suspend(agent, lease, awaits=["a", "b"])
    _, _, anew = await children_of(agent, task_id)
    await finish(agent, a["id"], text="again")
    await finish(agent, anew["id"], text="anew")
    record = await read_record(agent, task_id)
    assert record["a"]["output"] == {"text": "again"}
    assert record["b"]["output"] == {"text": "anew"}
    assert await broken_laws(agent.connection) == []


async def suspend_any_now(agent: Agent, task_id: UUID) -> None:
    """Let the flow wake at the next end of any step."""
    await agent.connection.execute(
        "update cogo.subtasks set deps_left = 1 where task_id = $1 and key = 'plan'", task_id
    )


async def test_a_child_that_its_parent_went_on_without_is_not_redriven_alone(agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"))
    [child] = await children_of(agent, task_id)
    await give_up(agent, child["id"], {"class": "overloaded", "message": "no"})
    await agent.reap()

    with pytest.raises(asyncpg.PostgresError, match=str(task_id)) as refused:
        await call(agent, "redrive_task", child["id"])

    assert refused.value.sqlstate == "TQ003"


async def test_children_are_deleted_with_their_parents_and_not_before(
    database: Database, agent: Agent
) -> None:
    task_id = await start_flow(agent, child_step("a"))
    [child] = await children_of(agent, task_id)
    await finish(agent, child["id"])
    await database.jump(timedelta(days=40))

    assert await call(agent, "prune") == (0,)
    await finish(agent, task_id)
    await database.jump(timedelta(days=31))
    assert await call(agent, "prune") == (1,)

    for table in ("public.cogo_tasks", "cogo.subtasks", "cogo.events", "cogo.child_tasks"):
        assert await agent.connection.fetchval(f"select count(*) from {table}") == 0, table


async def test_people_do_not_make_children_themselves(database: Database, agent: Agent) -> None:
    task_id = await insert_task(agent.connection, owner=ALICE)
    alice = await database.connect("authenticated", ALICE)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await alice.execute(
            "insert into public.cogo_tasks (prompt, parent_task_id) values ('x', $1)", task_id
        )
