"""Deadlines, redrives, pauses, lanes that nobody serves, and steps that nobody leases."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.db.laws import broken_laws
from tests.support.sql.agent import Agent, Row, plan_task, statuses, step, task_of
from tests.support.sql.database import Database
from tests.support.sql.flows import (
    answer,
    claim_flow,
    claim_steps,
    hand_over,
    new_step,
    read_steps,
    start_flow,
    suspend,
)

pytestmark = pytest.mark.db

REFUSED = {"class": "check_failed", "message": "2 of 3 tests failed", "step": "a"}


async def call(agent: Agent, function: str, argument: object) -> None:
    await agent.connection.execute(f"select from public.cogo_{function}($1)", argument)


async def end_steps(
    agent: Agent, ids: Sequence[UUID], outputs: Sequence[Any], errors: Sequence[Any]
) -> int:
    ended: int = await agent.connection.fetchval(
        "select cogo.end_waiting_steps($1, $2, $3)", ids, outputs, errors
    )
    return ended


async def ids_of(agent: Agent, task_id: UUID) -> dict[str, UUID]:
    found = await agent.connection.fetch(
        "select key, id from cogo.subtasks where task_id = $1", task_id
    )
    return {row["key"]: row["id"] for row in found}


async def fail_flow(agent: Agent, task_id: UUID, error: Row) -> None:
    await agent.fail(await claim_flow(agent, task_id), "give_up", error=error)
    assert (await task_of(agent, task_id))["status"] == "failed"


async def test_steps_that_nobody_leases_end_in_the_given_order(agent: Agent) -> None:
    steps = new_step("a", "event"), new_step("b", "event"), new_step("c")
    task_id = await start_flow(agent, *steps)
    ids = await ids_of(agent, task_id)
    leases = await claim_steps(agent, "c")
    error = {"class": "cancelled", "message": "nobody sends it"}

    ended = await end_steps(
        agent,
        [ids["b"], ids["a"], ids["c"], ids["plan"]],
        [None, {"x": 1}, {}, {}],
        [error, None, None, None],
    )

    assert ended == 2
    assert await end_steps(agent, [ids["a"]], [{}], [None]) == 0
    await agent.complete(leases["c"])
    lease = await claim_flow(agent, task_id)
    assert [
        (each["key"], each["status"], each["end_no"], each.get("output"), each.get("error"))
        for each in lease["flow"]["steps"]
    ] == [
        ("a", "completed", 2, {"x": 1}, None),
        ("b", "failed", 1, None, error),
        ("c", "completed", 3, {"text": "done"}, None),
    ]
    assert await broken_laws(agent.connection) == []


async def test_ends_are_accepted_while_a_task_is_held_and_the_flow_wakes_when_it_is_resumed(
    agent: Agent,
) -> None:
    task_id = await start_flow(
        agent,
        new_step("a", "event"),
        new_step("b"),
        new_step("c", "sleep", run_at="2026-03-01T13:00Z"),
    )
    ids = await ids_of(agent, task_id)
    leases = await claim_steps(agent, "b")
    await call(agent, "pause_task", task_id)
    assert set((await statuses(agent, task_id)).values()) == {"held", "running"}

    await agent.complete(leases["b"])
    await end_steps(agent, [ids["a"]], [{}], [None])
    await call(agent, "resume_task", task_id)
    assert await statuses(agent, task_id) == {
        "plan": "blocked",
        "a": "completed",
        "b": "completed",
        "c": "delayed",
    }
    await call(agent, "pause_task", task_id)
    await end_steps(agent, [ids["c"]], [{}], [None])

    assert (await read_steps(agent, task_id))["plan"]["status"] == "held"
    assert (await read_steps(agent, task_id))["plan"]["deps_left"] == 0
    assert await agent.claim("cio") == []
    await call(agent, "resume_task", task_id)
    lease = await claim_flow(agent, task_id)
    assert [each["end_no"] for each in lease["flow"]["steps"]] == [2, 1, 3]


async def test_a_flow_that_is_suspended_while_its_task_is_held_stays_held(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("a"))
    await agent.complete((await claim_steps(agent, "a"))["a"])
    lease = await claim_flow(agent, task_id)
    await call(agent, "pause_task", task_id)

    assert await answer(agent, suspend(lease, new_step("b"))) == ("ok", None)

    assert (await statuses(agent, task_id))["plan"] == "held"
    assert (await statuses(agent, task_id))["b"] == "held"
    await call(agent, "resume_task", task_id)
    assert (await statuses(agent, task_id))["plan"] == "blocked"
    await agent.complete((await claim_steps(agent, "b"))["b"])
    assert (await statuses(agent, task_id))["plan"] == "queued"


async def test_a_cancelled_task_cancels_its_flow_and_what_it_awaits(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("a"), new_step("b", "event"))
    leases = await claim_steps(agent, "a")

    await call(agent, "cancel_task", task_id)

    assert await agent.complete(leases["a"]) == "closed"
    assert set((await statuses(agent, task_id)).values()) == {"cancelled"}
    assert await broken_laws(agent.connection) == []


async def test_a_deadline_ends_open_steps_and_lets_the_flow_return_what_it_has(
    database: Database, agent: Agent
) -> None:
    deadline = database.now + timedelta(minutes=1)
    task_id = await start_flow(
        agent, *map(new_step, "abc"), new_step("d", "event"), columns={"deadline": deadline}
    )
    leases = await claim_steps(agent, *"abc")
    await agent.complete(leases["a"])
    await agent.fail(leases["b"], "retry", after=600)
    await agent.extend(leases["c"])
    await database.jump(timedelta(seconds=61))
    await agent.extend(leases["c"])

    await agent.reap()

    assert await agent.extend(leases["c"]) == ["cancel"]
    assert await agent.complete(leases["c"]) == "closed"
    lease = await claim_flow(agent, task_id)
    assert lease["flow"]["deadline_passed"]
    ends = [
        (each["status"], each["end_no"], each.get("error", {}).get("class"))
        for each in lease["flow"]["steps"]
    ]
    assert ends == [
        ("completed", 1, None),
        ("failed", 2, "deadline"),
        ("failed", 3, "deadline"),
        ("failed", 4, "deadline"),
    ]
    await agent.reap()
    assert await answer(agent, suspend(lease, new_step("e"), "c")) == ("ok", None)
    lease = await claim_flow(agent, task_id)
    assert lease["flow"]["steps"][-1]["error"]["class"] == "deadline"
    assert await agent.complete(lease, output={"text": "what I have"}) == "ok"
    assert await broken_laws(agent.connection) == []


async def test_a_task_fails_thirty_seconds_after_its_deadline_and_a_redrive_goes_on(
    database: Database, agent: Agent
) -> None:
    deadline = database.now + timedelta(minutes=1)
    task_id = await start_flow(agent, new_step("a"), new_step("b"), columns={"deadline": deadline})
    await agent.complete((await claim_steps(agent, "a", "b"))["a"])
    await database.jump(timedelta(hours=1))
    await agent.reap()
    lease = await claim_flow(agent, task_id)
    await database.jump(timedelta(seconds=29))
    await agent.extend(lease)
    await agent.reap()
    assert (await task_of(agent, task_id))["status"] == "running"
    await database.jump(timedelta(seconds=2))

    await agent.reap()

    assert (await task_of(agent, task_id))["error"]["class"] == "deadline"
    await call(agent, "redrive_task", task_id)
    assert await statuses(agent, task_id) == {"plan": "queued", "a": "completed", "b": "queued"}
    lease = await claim_flow(agent, task_id)
    assert not lease["flow"]["deadline_passed"]
    assert [each["end_no"] for each in lease["flow"]["steps"]] == [1, None]
    await answer(agent, suspend(lease, "b"))
    await agent.complete((await claim_steps(agent, "b"))["b"])
    lease = await claim_flow(agent, task_id)
    assert [each["end_no"] for each in lease["flow"]["steps"]] == [1, 3]
    assert await broken_laws(agent.connection) == []


async def test_a_deadline_before_the_first_suspension_fails_the_task_at_once(
    database: Database, agent: Agent
) -> None:
    task_id = await plan_task(agent, deadline=database.now + timedelta(seconds=5))
    await database.jump(timedelta(seconds=6))

    await agent.reap()

    assert (await task_of(agent, task_id))["error"]["class"] == "deadline"


async def test_a_redrive_revives_the_steps_whose_failure_ended_the_flow_and_no_other(
    agent: Agent,
) -> None:
    task_id = await start_flow(agent, new_step("handled"), new_step("loser"), wait="any")
    leases = await claim_steps(agent, "handled", "loser")
    await agent.fail(leases["handled"], "give_up")
    lease = await claim_flow(agent, task_id)
    await answer(
        agent,
        suspend(lease, new_step("a"), new_step("b"), new_step("c", "event"), cancel=["loser"]),
    )
    leases |= await claim_steps(agent, "a", "b")
    await agent.fail(leases["a"], "give_up")
    await agent.fail(leases["b"], "give_up")
    ids = await ids_of(agent, task_id)
    await end_steps(agent, [ids["c"]], [{}], [None])
    lease = await claim_flow(agent, task_id)
    await answer(agent, suspend(lease, "a", "b", new_step("open"), wait="any"))
    await fail_flow(agent, task_id, REFUSED)
    assert (await statuses(agent, task_id))["open"] == "cancelled"

    await call(agent, "redrive_task", task_id)

    assert await statuses(agent, task_id) == {
        "plan": "queued",
        "handled": "failed",
        "loser": "cancelled",
        "a": "queued",
        "b": "queued",
        "c": "completed",
        "open": "queued",
    }
    steps = await read_steps(agent, task_id)
    assert {key: steps[key]["end_no"] for key in ("handled", "a", "b", "c")} == {
        "handled": 1,
        "a": None,
        "b": None,
        "c": 4,
    }
    assert (await task_of(agent, task_id))["status"] == "running"
    assert await broken_laws(agent.connection) == []


async def test_an_error_of_the_workflow_itself_revives_no_step(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("a"))
    await agent.fail((await claim_steps(agent, "a"))["a"], "give_up")
    await fail_flow(agent, task_id, {"class": "workflow_error", "message": "KeyError: 'x'"})

    await call(agent, "redrive_task", task_id)

    assert await statuses(agent, task_id) == {"plan": "queued", "a": "failed"}


async def test_a_dead_step_is_redriven_only_after_its_task_has_failed(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("a"), new_step("b"))
    await agent.fail((await claim_steps(agent, "a", "b"))["a"], "give_up")
    dead = (await ids_of(agent, task_id))["a"]

    with pytest.raises(asyncpg.PostgresError, match="has recorded the failure of step a"):
        await call(agent, "redrive_subtask", dead)
    await agent.complete({"subtask_id": (await ids_of(agent, task_id))["b"], "attempt": 1})
    await fail_flow(agent, task_id, {"class": "workflow_error", "message": "no"})
    await call(agent, "redrive_subtask", dead)

    assert await statuses(agent, task_id) == {"plan": "queued", "a": "queued", "b": "completed"}


async def test_a_redrive_puts_a_question_without_a_model_to_the_orchestrators(agent: Agent) -> None:
    error = {"class": "no_model", "message": "none"}
    task_id = await start_flow(agent, new_step("a", lane="wait", error=error))
    await fail_flow(agent, task_id, error | {"step": "a"})
    await call(agent, "redrive_task", task_id)

    leases = {lease["key"]: lease for lease in await agent.claim("cio")}

    assert leases["a"]["kind"] == "ask"
    assert await agent.complete(leases["a"], route={"lane": "sandbox:python"}) == "invalid"
    assert await agent.complete(leases["a"], route={"lane": "model-b"}) == "ok"
    assert (await read_steps(agent, task_id))["a"]["lane"] == "model-b"


async def test_a_redrive_after_a_hand_over_does_only_the_last_step_again(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("a"), new_step("b"), wait="any")
    leases = await claim_steps(agent, "a", "b")
    await agent.complete(leases["a"])
    await answer(agent, hand_over(await claim_flow(agent, task_id), new_step("main")))
    await agent.fail((await claim_steps(agent, "main"))["main"], "give_up")

    await call(agent, "redrive_task", task_id)

    assert await statuses(agent, task_id) == {
        "plan": "completed",
        "a": "completed",
        "b": "cancelled",
        "main": "queued",
    }
    await agent.complete((await claim_steps(agent, "main"))["main"])
    assert (await task_of(agent, task_id))["status"] == "completed"


async def test_a_lane_that_nobody_serves_for_ten_minutes_ends_its_steps(
    database: Database, agent: Agent
) -> None:
    executor = {"id": "e1", "kind": "executor", "capacity": 1, "lanes": ["sandbox:python"]}
    await call(agent, "record_agent", executor)
    steps = new_step("a", "check"), new_step("b", "call"), new_step("c")
    task_id = await start_flow(agent, *steps)
    await database.jump(timedelta(minutes=9))
    await agent.reap()
    assert set((await statuses(agent, task_id)).values()) == {"blocked", "queued"}
    await call(agent, "record_agent", executor)
    await database.jump(timedelta(minutes=2))

    await agent.reap()

    assert await statuses(agent, task_id) == {
        "plan": "blocked",
        "a": "queued",
        "b": "failed",
        "c": "queued",
    }
    await database.jump(timedelta(minutes=9))
    await agent.reap()
    await agent.complete((await claim_steps(agent, "c"))["c"])
    lease = await claim_flow(agent, task_id)
    errors = [each["error"] for each in lease["flow"]["steps"] if each["status"] == "failed"]
    assert [each["class"] for each in errors] == ["no_agent", "no_agent"]
    assert "sandbox:python" in errors[0]["message"]
    await agent.fail(lease, "give_up", error=errors[0] | {"step": "a"})
    await call(agent, "redrive_task", task_id)
    await agent.reap()
    assert (await statuses(agent, task_id))["a"] == "queued"


async def test_a_check_that_ends_the_task_and_that_nobody_does_fails_it(
    database: Database, agent: Agent
) -> None:
    task_id = await start_flow(agent, new_step("a"))
    await agent.complete((await claim_steps(agent, "a"))["a"])
    await answer(agent, hand_over(await claim_flow(agent, task_id), new_step("main", "check")))
    await database.jump(timedelta(minutes=11))

    await agent.reap()

    error = (await task_of(agent, task_id))["error"]
    assert (error["class"], error["subtask_key"]) == ("no_agent", "main")


async def test_tasks_with_flows_are_pruned_with_their_records(
    database: Database, agent: Agent
) -> None:
    task_id = await start_flow(agent, new_step("a"))
    await agent.complete((await claim_steps(agent, "a"))["a"])
    await agent.complete(await claim_flow(agent, task_id))
    await plan_task(agent, step("x"))
    await database.jump(timedelta(days=40))

    assert await agent.connection.fetchval("select pruned from public.cogo_prune()") == 1

    for table in ("cogo.flows", "cogo.subtask_outputs"):
        assert await agent.connection.fetchval(f"select count(*) from {table}") <= 1  # noqa: S608
    assert await agent.connection.fetchval("select count(*) from cogo.flows") == 0
