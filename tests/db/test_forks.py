"""Forks: tasks that are asked again, from a step on with what came before it."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.db.laws import broken_laws
from tests.support.sql.agent import Agent, Row, insert_task, task_of
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


async def fork(
    agent: Agent, task_id: UUID, step: str | None = None, key: str | None = None, **changes: Any
) -> Row:
    row = await agent.connection.fetchrow(
        "select * from public.cogo_fork_task($1, $2, $3, p_idempotency_key => $4)",
        task_id,
        step,
        changes,
        key,
    )
    assert row is not None
    return dict(row)


SOON = timedelta(seconds=5)


async def run_debate(agent: Agent, database: Database) -> UUID:
    """Run a task of two openings, a ruling and a last step; return its id."""
    task_id = await start_flow(
        agent,
        new_step("a"),
        new_step("b"),
        decisions={"policy": "rules"},
        columns={"prompt": "Tabs or spaces?", "params": {"rounds": 1}},
    )
    await database.jump(SOON)
    for key, lease in (await claim_steps(agent, "a", "b")).items():
        await agent.complete(lease, output={"text": f"{key} says"}, usage={"cost_usd": 0.5})
    await database.jump(SOON)
    lease = await claim_flow(agent, task_id)
    assert await answer(agent, suspend(lease, new_step("ruling"))) == ("ok", None)
    await database.jump(SOON)
    leases = await claim_steps(agent, "ruling")
    await agent.complete(leases["ruling"], output={"text": "spaces"}, usage={"cost_usd": 0.5})
    await database.jump(SOON)
    lease = await claim_flow(agent, task_id)
    assert await answer(agent, hand_over(lease, new_step("report"))) == ("ok", None)
    leases = await claim_steps(agent, "report")
    await agent.complete(leases["report"], output={"text": "spaces it is"}, usage={"cost_usd": 0.5})
    assert (await task_of(agent, task_id))["status"] == "completed"
    return task_id


async def test_a_fork_reuses_what_does_not_depend_on_its_step(
    agent: Agent, database: Database
) -> None:
    task_id = await run_debate(agent, database)

    forked = await fork(agent, task_id, "ruling", model="model-b", prompt="Rule again.")

    assert (forked["forked_from"], forked["prompt"]) == (task_id, "Tabs or spaces?")
    assert (forked["status"], forked["cost_usd"]) == ("pending", 0)
    steps = await read_steps(agent, forked["id"])
    assert {key: (each["status"], each["end_no"]) for key, each in steps.items()} == {
        "plan": ("queued", None), "a": ("completed", 1), "b": ("completed", 2),
    }  # fmt: skip
    flow = (await claim_flow(agent, forked["id"]))["flow"]
    assert flow["decisions"] == {"policy": "rules"}
    assert flow["fork"] == {
        "step": "ruling", "prompt": "Rule again.", "model": "model-b", "seed": str(task_id),
    }  # fmt: skip
    assert [
        (each["key"], each["output"], each["is_reused"], each["cost_usd"], each["attempt"])
        for each in flow["steps"]
    ] == [("a", {"text": "a says"}, True, 0.5, 1), ("b", {"text": "b says"}, True, 0.5, 1)]
    assert await broken_laws(agent.connection) == []


async def test_a_fork_runs_to_its_end_and_counts_only_what_it_spends(
    agent: Agent, database: Database
) -> None:
    task_id = await run_debate(agent, database)
    forked = await fork(agent, task_id, "ruling")

    lease = await claim_flow(agent, forked["id"])
    assert await answer(agent, suspend(lease, new_step("ruling"))) == ("ok", None)
    leases = await claim_steps(agent, "ruling")
    await agent.complete(leases["ruling"], output={"text": "tabs"}, usage={"cost_usd": 0.25})
    lease = await claim_flow(agent, forked["id"])
    assert [each["end_no"] for each in lease["flow"]["steps"]] == [1, 2, 3]
    assert await answer(agent, hand_over(lease, new_step("report"))) == ("ok", None)
    leases = await claim_steps(agent, "report")
    await agent.complete(leases["report"], output={"text": "tabs it is"}, usage={"cost_usd": 0.25})

    ended = await task_of(agent, forked["id"])
    assert (ended["status"], ended["result"]["text"], ended["cost_usd"]) == (
        "completed", "tabs it is", 0.5,
    )  # fmt: skip
    assert (await task_of(agent, task_id))["cost_usd"] == 2
    assert await broken_laws(agent.connection) == []


async def test_a_step_beside_the_chosen_one_is_reused_and_the_next_one_is_not(
    agent: Agent, database: Database
) -> None:
    task_id = await run_debate(agent, database)

    forked = await fork(agent, task_id, "a")

    assert sorted(await read_steps(agent, forked["id"])) == ["b", "plan"]


async def test_a_fork_of_a_fork_reuses_what_was_reused(agent: Agent, database: Database) -> None:
    first = await run_debate(agent, database)
    second = await fork(agent, first, "ruling")
    await agent.connection.execute("select from public.cogo_cancel_task($1)", second["id"])

    third = await fork(agent, second["id"], "a")

    flow = (await claim_flow(agent, third["id"]))["flow"]
    assert flow["fork"]["seed"] == str(first)
    assert [(each["key"], each["cost_usd"]) for each in flow["steps"]] == [("b", 0.5)]


async def test_as_much_time_has_passed_for_the_workflow_as_before(
    agent: Agent, database: Database
) -> None:
    task_id = await run_debate(agent, database)
    was = await agent.connection.fetchrow(
        "select f.first_claimed_at, a.finished_at from cogo.flows f"
        " join cogo.subtasks a on a.task_id = f.task_id and a.key = 'a' where f.task_id = $1",
        task_id,
    )
    assert was is not None
    await database.jump(timedelta(hours=1))

    forked = await fork(agent, task_id, "ruling")

    flow = await agent.connection.fetchrow(
        "select f.first_claimed_at,"
        " (p.metadata -> 'reused' -> 'record' ->> 'ended_at')::timestamptz as ended_at"
        " from cogo.flows f"
        " join cogo.subtasks a on a.task_id = f.task_id and a.key = 'a'"
        " join cogo.subtask_payloads p on p.subtask_id = a.id where f.task_id = $1",
        forked["id"],
    )
    assert flow is not None
    elapsed = flow["ended_at"] - flow["first_claimed_at"]
    assert elapsed == was["finished_at"] - was["first_claimed_at"]
    now = await agent.connection.fetchval("select cogo.now()")
    assert now - flow["ended_at"] == SOON


async def test_questions_to_people_are_asked_again(agent: Agent, database: Database) -> None:
    task_id = await start_flow(agent, new_step("may_i", "approve"), new_step("a"))
    leases = await claim_steps(agent, "a")
    await agent.complete(leases["a"])
    approval = await agent.connection.fetchval("select id from public.cogo_approvals")
    await agent.connection.execute("select from public.cogo_answer_approval($1, true)", approval)
    await database.jump(SOON)
    lease = await claim_flow(agent, task_id)
    assert await answer(agent, suspend(lease, new_step("deploy", "call"))) == ("ok", None)
    await agent.connection.execute("select from public.cogo_cancel_task($1)", task_id)

    forked = await fork(agent, task_id, "deploy")

    assert sorted(await read_steps(agent, forked["id"])) == ["a", "plan"]


async def test_failures_are_reused_unless_they_ended_the_task(
    agent: Agent, database: Database
) -> None:
    task_id = await start_flow(agent, new_step("a"), new_step("b"))
    leases = await claim_steps(agent, "a", "b")
    for key in ("a", "b"):
        await agent.fail(leases[key], "give_up", error={"class": "check_failed", "message": key})
    await database.jump(SOON)
    lease = await claim_flow(agent, task_id)
    assert await answer(agent, suspend(lease, new_step("c"))) == ("ok", None)
    leases = await claim_steps(agent, "c")
    await agent.fail(leases["c"], "give_up", error={"class": "check_failed", "message": "c"})
    lease = await claim_flow(agent, task_id)
    error = {"class": "check_failed", "message": "a", "step": "a"}
    await agent.fail(lease, "give_up", error=error)

    forked = await fork(agent, task_id, "c")

    flow = (await claim_flow(agent, forked["id"]))["flow"]
    [step] = flow["steps"]
    assert (step["key"], step["status"], step["error"]["message"]) == ("b", "failed", "b")
    dead = await agent.connection.fetchval(
        "select count(*) from public.cogo_dead_letters where task_id = $1", forked["id"]
    )
    assert dead == 0


async def test_a_task_is_asked_again_with_changes(agent: Agent) -> None:
    task_id = await insert_task(
        agent.connection, prompt="Hello", type="CHAT", params={"a": 1}, model="model-a"
    )

    same = await fork(agent, task_id)
    other = await fork(
        agent, task_id, prompt="Bye", model=None, params={"b": 2}, budget_usd=0.5, priority=2,
        project="web", tags=["x"],
    )  # fmt: skip

    for each in (same, other):
        assert each["forked_from"] == task_id
        assert sorted(await read_steps(agent, each["id"])) == ["plan"]
    assert [same[name] for name in ("prompt", "type", "params", "model")] == [
        "Hello", "CHAT", {"a": 1}, "model-a",
    ]  # fmt: skip
    changed = ("prompt", "type", "params", "model", "priority", "project", "tags")
    assert [other[name] for name in changed] == [
        "Bye", "CHAT", {"b": 2}, None, 2, "web", ["x"],
    ]  # fmt: skip
    assert float(other["budget_usd"]) == 0.5


async def test_one_question_is_forked_from_its_step(agent: Agent) -> None:
    task_id = await insert_task(agent.connection, prompt="Hello")
    lease = await claim_flow(agent, task_id)
    assert await answer(agent, hand_over(lease, new_step("answer"))) == ("ok", None)
    leases = await claim_steps(agent, "answer")
    await agent.complete(leases["answer"], output={"text": "Hi"})

    forked = await fork(agent, task_id, "answer", prompt="Hello, in French")

    flow = (await claim_flow(agent, forked["id"]))["flow"]
    assert (flow["steps"], flow["fork"]["prompt"]) == ([], "Hello, in French")


async def test_a_fork_goes_on_in_a_copy_of_the_session_as_it_was(
    agent: Agent, database: Database
) -> None:
    session = uuid4()
    tasks = list[UUID]()
    for turn in ("one", "two", "three"):
        await database.jump(SOON)
        tasks.append(await insert_task(agent.connection, prompt=turn, session_id=session))
        lease = await claim_flow(agent, tasks[-1])
        assert await answer(agent, hand_over(lease, new_step("answer"))) == ("ok", None)
        leases = await claim_steps(agent, "answer")
        messages = [
            {"role": "user", "content": turn}, {"role": "assistant", "content": f"re {turn}"},
        ]  # fmt: skip
        await agent.complete(leases["answer"], output={"text": f"re {turn}"}, messages=messages)

    forked = await fork(agent, tasks[1], prompt="two, again")
    first = await fork(agent, tasks[0])

    read = "select content from public.cogo_messages where session_id = $1 order by seq"
    found = await agent.connection.fetch(read, forked["session_id"])
    assert [row["content"] for row in found] == ["one", "re one"]
    assert first["session_id"] not in {None, session}
    assert await agent.connection.fetch(read, first["session_id"]) == []


async def test_the_same_key_gives_the_same_fork(agent: Agent, database: Database) -> None:
    task_id = await run_debate(agent, database)

    first = await fork(agent, task_id, "ruling", key="k")
    again = await fork(agent, task_id, "ruling", key="k")

    assert first["id"] == again["id"]
    other = await insert_task(agent.connection)
    with pytest.raises(asyncpg.PostgresError, match="used for another request"):
        await fork(agent, other, key="k")


async def test_results_stay_under_the_data_policy_that_made_them(
    agent: Agent, database: Database
) -> None:
    task_id = await run_debate(agent, database)
    await agent.connection.execute(
        "update public.cogo_tasks set preferences = $2 where id = $1",
        task_id,
        {"data_policy": "eu"},
    )

    forked = await fork(agent, task_id, "ruling", preferences={"data_policy": "no-training"})
    anew = await fork(agent, task_id, preferences={})

    assert forked["preferences"] == {"data_policy": ["eu", "no-training"]}
    assert anew["preferences"] == {}


REFUSED: list[tuple[str | None, Row, tuple[str, str]]] = [
    ("nobody", {}, ("TQ002", "has no step nobody")),
    ("plan", {}, ("TQ002", "has no step plan")),
    ("'; drop table cogo.flows; --", {}, ("TQ002", "has no step")),
    ("ruling", {"type": "CHAT"}, ("TQ004", "the type cannot change")),
    (None, {"owner": str(uuid4())}, ("TQ004", "owner cannot be changed")),
    (None, {"result": {}}, ("TQ004", "result cannot be changed")),
    (None, {"prompt": None}, ("TQ004", "prompt cannot be of the type null")),
    (None, {"params": [1]}, ("TQ004", "params cannot be of the type array")),
    (None, {"budget_usd": "1"}, ("TQ004", "budget_usd cannot be of the type string")),
    (None, {"tags": "x"}, ("TQ004", "tags cannot be of the type string")),
    (None, {"budget_usd": 1e300}, ("TQ009", "budget_usd must be")),
    ("ruling", {"prompt": "x" * 2_097_153}, ("TQ008", "prompt has")),
    ("ruling", {"model": "x" * 256}, ("TQ008", "model has")),
]


@pytest.mark.parametrize(("step", "changes", "refusal"), REFUSED)
async def test_what_cannot_be_forked_is_refused(
    agent: Agent, database: Database, step: str | None, changes: Row, refusal: tuple[str, str]
) -> None:
    state, message = refusal
    task_id = await run_debate(agent, database)

    with pytest.raises(asyncpg.PostgresError, match=message) as refused:
        await fork(agent, task_id, step, **changes)

    assert refused.value.sqlstate == state
    assert await agent.connection.fetchval("select count(*) from public.cogo_tasks") == 1


async def test_a_running_task_cannot_be_forked_from_a_step(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("a"), new_step("run", "check"))

    with pytest.raises(asyncpg.PostgresError, match="when it has ended"):
        await fork(agent, task_id, "a")

    await agent.connection.execute("select from public.cogo_cancel_task($1)", task_id)
    with pytest.raises(asyncpg.PostgresError, match="step run is a check"):
        await fork(agent, task_id, "run", prompt="x")
    assert (await fork(agent, task_id, "run"))["status"] == "pending"


async def test_a_redrive_forgets_that_a_failure_was_reused(
    agent: Agent, database: Database
) -> None:
    task_id = await start_flow(agent, new_step("a"))
    leases = await claim_steps(agent, "a")
    await agent.fail(leases["a"], "give_up", error={"class": "check_failed", "message": "a"})
    await database.jump(SOON)
    lease = await claim_flow(agent, task_id)
    assert await answer(agent, suspend(lease, new_step("b"))) == ("ok", None)
    await agent.connection.execute("select from public.cogo_cancel_task($1)", task_id)
    forked = await fork(agent, task_id, "b")
    lease = await claim_flow(agent, forked["id"])
    await agent.fail(lease, "give_up", error={"class": "check_failed", "message": "a", "step": "a"})

    await agent.connection.execute("select from public.cogo_redrive_task($1)", forked["id"])

    leases = await claim_steps(agent, "a")
    assert "reused" not in leases["a"]["metadata"]
    await agent.complete(leases["a"], output={"text": "now"}, usage={"cost_usd": 0.125})
    [step] = (await claim_flow(agent, forked["id"]))["flow"]["steps"]
    assert (step["output"], step["cost_usd"], step.get("is_reused")) == (
        {"text": "now"}, 0.125, None,
    )  # fmt: skip
