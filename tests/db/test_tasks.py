# ruff: noqa: S608 -- the statements are put together from our own names.

from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from tests.support.sql.agent import Agent, insert_task, plan_task, statuses, step, task_of
from tests.support.sql.database import Database

pytestmark = pytest.mark.db


async def call(agent: Agent, function: str, task_id: object, *more: object) -> str:
    marks = ", ".join(f"${number}" for number in range(1, len(more) + 2))
    found = await agent.connection.fetchrow(
        f"select * from public.cogo_{function}({marks})",
        task_id,
        *more,
    )
    assert found is not None
    return str(found["status"])


async def test_cancelling_ends_the_task_at_once_and_asks_its_workers_to_stop(agent: Agent) -> None:
    task_id = await plan_task(agent, step("a"), step("b"), step("end", "a", "b"))
    [running] = await agent.claim("model-a", limit=1)

    assert await call(agent, "cancel_task", task_id, "changed my mind") == "cancelled"

    assert await statuses(agent, task_id) == {
        "plan": "completed",
        "a": "running",
        "b": "cancelled",
        "end": "cancelled",
    }
    assert (await task_of(agent, task_id))["error"] == {
        "class": "cancelled",
        "message": "changed my mind",
    }
    assert await agent.claim("model-a") == []
    assert await agent.extend(running) == ["cancel"]
    assert await agent.complete(running, usage={"cost_usd": 0.5}) == "closed"
    assert await agent.complete(running) == "closed"
    assert (await agent.fail(running))["answer"] == "closed"
    assert (await statuses(agent, task_id))["a"] == "cancelled"
    task = await task_of(agent, task_id)
    assert (task["status"], task["result"], float(task["cost_usd"])) == ("cancelled", None, 0.5)
    assert await call(agent, "cancel_task", task_id) == "cancelled"


async def test_the_cost_of_an_attempt_that_failed_after_a_stop_is_booked(agent: Agent) -> None:
    task_id = await plan_task(agent)
    [running] = await agent.claim("model-a")
    await call(agent, "cancel_task", task_id)

    answer = await agent.fail(running, usage={"cost_usd": 0.5, "output_tokens": 7})

    task = await task_of(agent, task_id)
    assert answer["answer"] == "closed"
    assert (float(task["cost_usd"]), task["output_tokens"]) == (0.5, 7)


async def test_a_cancelled_subtask_whose_worker_vanished_is_swept(
    database: Database, agent: Agent
) -> None:
    task_id = await plan_task(agent)
    await agent.claim("model-a")
    await call(agent, "cancel_task", task_id)
    await database.jump(timedelta(seconds=16))

    assert await agent.reap() == {"reaped": 0, "dead": 0, "promoted": 0, "cancelled": 1}
    assert (await statuses(agent, task_id))["code"] == "cancelled"


async def test_a_worker_that_drains_ends_its_cancelled_subtasks(agent: Agent) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await call(agent, "cancel_task", task_id)

    assert await agent.release(lease) == ["ok"]
    assert (await statuses(agent, task_id))["code"] == "cancelled"


async def test_a_final_task_cannot_be_cancelled_paused_resumed_or_redriven(agent: Agent) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.complete(lease)

    for function in ("cancel_task", "pause_task", "resume_task", "redrive_task"):
        with pytest.raises(asyncpg.PostgresError, match="is completed") as refused:
            await agent.connection.fetch(f"select * from public.cogo_{function}($1)", task_id)
        assert refused.value.sqlstate == "TQ003"


async def test_an_unknown_task_is_not_found(agent: Agent) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await agent.connection.fetch("select * from public.cogo_cancel_task($1)", uuid4())

    assert refused.value.sqlstate == "TQ002"


async def test_a_paused_task_finishes_what_runs_and_starts_nothing(
    database: Database, agent: Agent
) -> None:
    steps = [step("a"), step("b"), step("late"), step("end", "a", "b", "late")]
    task_id = await plan_task(agent, *steps)
    first, second, third = await agent.claim("model-a")
    await agent.fail(third, after=60)

    assert await call(agent, "pause_task", task_id) == "held"
    assert await call(agent, "pause_task", task_id) == "held"
    assert await agent.complete(first) == "ok"
    assert (await agent.fail(second, after=0))["status"] == "held"
    assert await agent.claim("model-a") == []
    held = {"plan": "completed", "a": "completed", "b": "held", "late": "held", "end": "held"}
    assert await statuses(agent, task_id) == held

    assert await call(agent, "resume_task", task_id) == "running"
    assert await call(agent, "resume_task", task_id) == "running"
    open_again = {"b": "queued", "late": "delayed", "end": "blocked"}
    assert await statuses(agent, task_id) == held | open_again
    await database.jump(timedelta(seconds=61))
    for lease in await agent.claim("model-a"):
        await agent.complete(lease)
    [end] = await agent.claim("model-a")
    assert await agent.complete(end) == "ok"
    assert (await task_of(agent, task_id))["status"] == "completed"


async def test_a_task_paused_before_its_plan_was_claimed_is_pending_again(agent: Agent) -> None:
    task_id = await insert_task(agent.connection)

    assert await call(agent, "pause_task", task_id) == "held"
    assert await agent.claim("cio") == []
    assert await call(agent, "resume_task", task_id) == "pending"
    assert len(await agent.claim("cio")) == 1


async def test_a_plan_that_ends_while_its_task_is_paused_gives_held_subtasks(agent: Agent) -> None:
    task_id = await insert_task(agent.connection)
    [lease] = await agent.claim("cio")
    await call(agent, "pause_task", task_id)

    assert await agent.complete(lease, plan={"subtasks": [step("a"), step("b", "a")]}) == "ok"

    assert await statuses(agent, task_id) == {"plan": "completed", "a": "held", "b": "held"}
    await call(agent, "resume_task", task_id)
    assert await statuses(agent, task_id) == {"plan": "completed", "a": "queued", "b": "blocked"}


async def test_a_paused_task_whose_last_subtask_ends_is_complete(agent: Agent) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await call(agent, "pause_task", task_id)

    assert await agent.complete(lease) == "ok"
    assert (await task_of(agent, task_id))["status"] == "completed"


async def test_a_redriven_task_goes_on_where_it_stopped_with_fresh_limits(agent: Agent) -> None:
    steps = [step("a"), step("b"), step("c"), step("end", "a", "b", "c")]
    task_id = await plan_task(agent, *steps)
    first, second, third = await agent.claim("model-a")
    await agent.complete(first, output={"n": 1})
    await agent.fail(second, "give_up")

    assert await call(agent, "redrive_task", task_id) == "running"

    assert await statuses(agent, task_id) == {
        "plan": "completed",
        "a": "completed",
        "b": "queued",
        "c": "queued",
        "end": "blocked",
    }
    assert await agent.complete(third) == "closed"
    again = await agent.claim("model-a")
    assert [(lease["key"], lease["attempt"], lease["failures"]) for lease in again] == [
        ("b", 2, 0),
        ("c", 2, 0),
    ]
    for lease in again:
        assert await agent.complete(lease) == "ok"
    [end] = await agent.claim("model-a")
    assert await agent.complete(end) == "ok"
    assert (await task_of(agent, task_id))["status"] == "completed"


async def test_a_task_whose_plan_failed_is_planned_again(agent: Agent) -> None:
    task_id = await insert_task(agent.connection)
    [lease] = await agent.claim("cio")
    await agent.fail(lease, "give_up")

    assert await call(agent, "redrive_task", task_id) == "running"
    assert await call(agent, "redrive_task", task_id) == "running"
    [lease] = await agent.claim("cio")
    assert lease["attempt"] == 2
    assert await agent.complete(lease, plan={"subtasks": [step("a")]}) == "ok"


async def test_a_task_past_its_deadline_fails_and_a_redrive_drops_the_deadline(
    database: Database, agent: Agent
) -> None:
    deadline = database.now + timedelta(minutes=1)
    task_id = await plan_task(agent, deadline=deadline)
    [lease] = await agent.claim("model-a", lease_seconds=3600)
    await database.jump(timedelta(minutes=2))

    await agent.reap()

    assert (await task_of(agent, task_id))["error"]["class"] == "deadline"
    assert await agent.extend(lease) == ["cancel"]
    assert await call(agent, "redrive_task", task_id) == "running"
    await agent.reap()
    assert (await task_of(agent, task_id))["status"] == "running"


async def test_a_task_for_later_is_planned_then(database: Database, agent: Agent) -> None:
    await insert_task(agent.connection, run_at=database.now + timedelta(hours=1))

    assert await agent.claim("cio") == []
    await database.jump(timedelta(hours=1))
    assert len(await agent.claim("cio")) == 1


async def test_a_step_that_needs_approval_waits_for_a_person(agent: Agent) -> None:
    task_id = await plan_task(agent, step("a"), step("b", "a", needs_approval=True))
    [lease] = await agent.claim("model-a")
    await agent.complete(lease)
    assert (await statuses(agent, task_id))["b"] == "waiting"
    assert await agent.claim("model-a") == []
    waiting = await agent.connection.fetchval("select id from cogo.subtasks where key = 'b'")

    assert await call(agent, "approve_subtask", waiting, True, "fine") == "queued"
    assert await call(agent, "approve_subtask", waiting, True) == "queued"
    with pytest.raises(asyncpg.PostgresError) as refused:
        await call(agent, "approve_subtask", waiting, False)

    assert refused.value.sqlstate == "TQ003"
    [lease] = await agent.claim("model-a")
    assert lease["metadata"]["approval"]["comment"] == "fine"
    assert await agent.complete(lease) == "ok"


async def test_a_refused_step_fails_the_task_with_the_persons_words(agent: Agent) -> None:
    task_id = await plan_task(agent, step("a", needs_approval=True))
    waiting = await agent.connection.fetchval("select id from cogo.subtasks where key = 'a'")

    assert await call(agent, "approve_subtask", waiting, False, "too risky") == "failed"

    assert (await task_of(agent, task_id))["error"]["message"] == "too risky"
    await call(agent, "redrive_task", task_id)
    assert len(await agent.claim("model-a")) == 1


async def test_approval_is_still_needed_after_a_pause_or_a_redrive(agent: Agent) -> None:
    task_id = await plan_task(
        agent, step("a", needs_approval=True), step("b"), step("end", "a", "b")
    )
    await call(agent, "pause_task", task_id)
    await call(agent, "resume_task", task_id)
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, "give_up")
    assert (await statuses(agent, task_id))["a"] == "cancelled"

    await call(agent, "redrive_task", task_id)

    assert (await statuses(agent, task_id))["a"] == "waiting"
