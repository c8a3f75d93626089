from uuid import UUID

import asyncpg
import pytest

from tests.support.sql.agent import Agent, Row, plan_task, statuses, step, task_of
from tests.support.sql.database import ALICE, BOB, Connection, Database
from tests.support.sql.waits import begin_flow, read_record, start_flow, suspend, wait_step

pytestmark = pytest.mark.db


def question(key: str = "ok", **params: object) -> Row:
    return wait_step(key, "approve", params={"question": "Apply it?", "show": [1]} | params)


async def approvals(connection: Connection) -> list[Row]:
    found = await connection.fetch("select * from public.cogo_approvals order by seq")
    return [dict(row) for row in found]


async def answer(
    connection: Connection,
    approval_id: UUID,
    approved: bool,
    comment: str | None = None,
    person: UUID | None = None,
) -> Row:
    [row] = await connection.fetch(
        "select * from public.cogo_answer_approval($1, $2, $3, $4)",
        approval_id, approved, comment, person,
    )  # fmt: skip
    return dict(row)


async def messages(database: Database, type_: str) -> list[tuple[str, Row]]:
    superuser = await database.connect("postgres")
    found = await superuser.fetch(
        "select topic, payload from realtime.messages where event = $1 order by topic", type_
    )
    return [(row["topic"], row["payload"]["payload"]) for row in found]


async def test_a_step_asks_once_and_its_answer_is_its_output(
    database: Database, agent: Agent
) -> None:
    task_id = await start_flow(agent, question(), owner=ALICE)

    [asked] = await approvals(agent.connection)
    assert (asked["question"], asked["show"], asked["by"]) == ("Apply it?", [1], None)
    assert (asked["task_id"], asked["owner"], asked["key"]) == (task_id, ALICE, "ok")
    said = await messages(database, "APPROVAL_REQUESTED")
    assert [topic for topic, _ in said] == [f"cogo-results:{task_id}", "cogo-tasks"]
    assert said[0][1]["approval_id"] == str(asked["id"])
    assert said[0][1]["show"] == [1]
    assert await agent.claim("cio", "wait") == []

    alice = await database.connect("authenticated", ALICE)
    answered = await answer(alice, asked["id"], True, "fine")

    assert (answered["approved"], answered["answered_by"]) == (True, ALICE)
    record = await read_record(agent, task_id)
    assert record["ok"]["status"] == "completed"
    assert record["ok"]["output"]["approved"] is True
    assert record["ok"]["output"]["comment"] == "fine"
    assert record["ok"]["output"]["by"] == str(ALICE)
    told = await messages(database, "APPROVAL_ANSWERED")
    assert [payload["approved"] for _, payload in told] == [True, True]


async def test_a_refusal_is_an_output_and_no_failure(agent: Agent) -> None:
    task_id = await start_flow(agent, question())
    [asked] = await approvals(agent.connection)

    await answer(agent.connection, asked["id"], False, "too risky")

    record = await read_record(agent, task_id)
    assert record["ok"]["status"] == "completed"
    assert record["ok"]["output"]["approved"] is False
    assert (await task_of(agent, task_id))["status"] == "running"


async def test_the_first_answer_counts_and_the_second_is_told_the_first(agent: Agent) -> None:
    await start_flow(agent, question())
    [asked] = await approvals(agent.connection)
    first = await answer(agent.connection, asked["id"], True, "fine")

    assert await answer(agent.connection, asked["id"], True) == first
    with pytest.raises(
        asyncpg.PostgresError, match="ok was approved by the operator database:service_role"
    ) as told:
        await answer(agent.connection, asked["id"], False)
    assert told.value.sqlstate == "TQ003"


async def test_who_may_answer(database: Database, agent: Agent) -> None:
    alice = await database.connect("authenticated", ALICE)
    bob = await database.connect("authenticated", BOB)
    await start_flow(agent, question("hers"), owner=ALICE)
    await start_flow(agent, question("his", by=str(BOB)), owner=ALICE)
    await start_flow(agent, question("ours", by="operators"), owner=ALICE)
    hers, his, ours = await approvals(agent.connection)
    asked = await messages(database, "APPROVAL_REQUESTED")
    assert [said["key"] for topic, said in asked if topic == f"cogo-approvals:{BOB}"] == ["his"]
    assert sum(topic.startswith("cogo-approvals:") for topic, _ in asked) == 1

    assert [row["key"] for row in await approvals(alice)] == ["hers", "his", "ours"]
    assert [row["key"] for row in await approvals(bob)] == ["his"]
    for who, row, code in [
        (bob, hers, "TQ002"),
        (bob, ours, "TQ002"),
        (alice, his, "TQ003"),
        (alice, ours, "TQ003"),
    ]:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await answer(who, row["id"], True)
        assert refused.value.sqlstate == code, row["key"]
    with pytest.raises(asyncpg.PostgresError) as refused:
        await answer(agent.connection, his["id"], True, person=ALICE)
    assert refused.value.sqlstate == "TQ003"

    assert (await answer(bob, his["id"], True))["answered_by"] == BOB
    theirs = await answer(agent.connection, ours["id"], True)
    assert (theirs["answered_by"], theirs["answered_who"]) == (None, "database:service_role")
    own = await answer(agent.connection, hers["id"], True, person=ALICE)
    assert (own["answered_by"], own["answered_who"]) == (ALICE, f"user:{ALICE}")


async def test_a_step_that_nobody_could_answer_is_invalid(agent: Agent) -> None:
    lease = await begin_flow(agent)

    refused = await suspend(agent, lease, question(by="the boss"))

    assert refused["answer"] == "invalid"
    assert "operators" in refused["detail"]


async def test_a_question_is_withdrawn_with_its_task(agent: Agent) -> None:
    task_id = await start_flow(agent, question())
    await agent.connection.execute("select from public.cogo_cancel_task($1)", task_id)

    [asked] = await approvals(agent.connection)

    assert asked["withdrawn_at"] is not None
    with pytest.raises(asyncpg.PostgresError, match="waits for no approval"):
        await answer(agent.connection, asked["id"], True)


async def test_an_answer_while_the_task_is_held_wakes_it_when_it_is_resumed(agent: Agent) -> None:
    task_id = await start_flow(agent, question())
    await agent.connection.execute("select from public.cogo_pause_task($1)", task_id)
    [asked] = await approvals(agent.connection)

    await answer(agent.connection, asked["id"], True)

    assert await statuses(agent, task_id) == {"plan": "held", "ok": "completed"}
    await agent.connection.execute("select from public.cogo_resume_task($1)", task_id)
    assert (await read_record(agent, task_id))["ok"]["output"]["approved"] is True


async def test_a_pause_does_not_ask_again(database: Database, agent: Agent) -> None:
    task_id = await start_flow(agent, question())
    for function in ("pause", "resume"):
        await agent.connection.execute(f"select from public.cogo_{function}_task($1)", task_id)

    assert len(await approvals(agent.connection)) == 1
    assert len(await messages(database, "APPROVAL_REQUESTED")) == 2  # the two topics


async def test_a_planned_subtask_that_needs_approval_asks_in_the_same_way(agent: Agent) -> None:
    task_id = await plan_task(agent, step("a"), step("b", "a", needs_approval=True))
    assert await approvals(agent.connection) == []
    [lease] = await agent.claim("model-a")
    await agent.complete(lease)

    [asked] = await approvals(agent.connection)
    await answer(agent.connection, asked["id"], True, "fine")

    assert "b" in asked["question"]
    [lease] = await agent.claim("model-a")
    assert lease["metadata"]["approval"]["comment"] == "fine"
    await agent.complete(lease)
    assert (await task_of(agent, task_id))["status"] == "completed"


async def test_a_refused_subtask_fails_its_task_as_before(agent: Agent) -> None:
    task_id = await plan_task(agent, step("a", needs_approval=True))
    [asked] = await approvals(agent.connection)

    await answer(agent.connection, asked["id"], False, "too risky")

    task = await task_of(agent, task_id)
    assert (task["status"], task["error"]["class"]) == ("failed", "rejected")
