from datetime import timedelta

import pytest

from tests.support.sql.agent import Agent, Row, ref, task_of
from tests.support.sql.database import ALICE, Database
from tests.support.sql.waits import begin_flow, child_step, children_of, claim_flow, start_flow

pytestmark = pytest.mark.db


async def repeat(agent: Agent, lease: Row, **again: object) -> Row:
    [answer] = await agent.complete_all([ref(lease) | {"output": {}, "again": again}])
    return answer


async def next_of(agent: Agent, lease: Row) -> Row:
    found = await agent.connection.fetchrow(
        "select * from public.cogo_tasks where previous_task_id = $1", lease["task_id"]
    )
    return dict(found or {})


async def test_a_task_that_repeats_itself_completes_and_inserts_the_next(
    database: Database, agent: Agent
) -> None:
    session_id = await agent.connection.fetchval("select gen_random_uuid()")
    columns: Row = {
        "owner": ALICE, "type": "CHAT", "priority": 2, "model": "model-a", "session_id": session_id,
        "preferences": {"data_policy": "eu"}, "budget_usd": 1, "idempotency_key": "once",
        "project": "web", "tags": ["a", "b"],
    }  # fmt: skip
    lease = await begin_flow(
        agent, params={"x": 1}, deadline=database.now + timedelta(hours=1), **columns
    )
    at = database.now + timedelta(days=1)

    answer = await repeat(agent, lease, at=str(at), output={"text": "report 1"})

    assert answer["answer"] == "ok"
    task = await task_of(agent, lease["task_id"])
    following = await next_of(agent, lease)
    assert task["status"] == "completed"
    assert task["result"] == {"text": "report 1", "next_task_id": str(following["id"])}
    assert {name: following[name] for name in columns} == columns | {"idempotency_key": None}
    assert (following["prompt"], following["params"]) == (task["prompt"], {"x": 1})
    assert (following["run_at"], following["status"]) == (at, "pending")
    assert following["deadline"] == at + timedelta(hours=1)
    assert await agent.claim("cio") == []
    await database.jump(timedelta(days=1))
    assert [each["task_id"] for each in await agent.claim("cio")] == [following["id"]]


async def test_the_next_run_may_have_other_params_and_begin_at_once(agent: Agent) -> None:
    lease = await begin_flow(agent, params={"x": 1})

    await repeat(agent, lease, params={"x": 2})

    following = await next_of(agent, lease)
    assert (following["params"], following["run_at"]) == ({"x": 2}, None)
    assert (await claim_flow(agent, following["id"]))["task"]["params"] == {"x": 2}


async def test_a_repeated_completion_inserts_one_next_run(agent: Agent) -> None:
    lease = await begin_flow(agent)

    answers = [(await repeat(agent, lease))["answer"] for _ in range(3)]

    assert answers == ["ok", "duplicate", "duplicate"]
    assert await agent.connection.fetchval("select count(*) from public.cogo_tasks") == 2


async def test_cancelling_the_next_run_ends_the_chain(agent: Agent) -> None:
    lease = await begin_flow(agent)
    await repeat(agent, lease)
    following = await next_of(agent, lease)

    await agent.connection.execute("select from public.cogo_cancel_task($1)", following["id"])

    assert await agent.claim("cio") == []


@pytest.mark.parametrize(
    "again",
    [{"params": [1]}, {"output": "text"}, {"at": "soon"}, {"params": {"x": "y" * 1_048_577}}],
    ids=["params", "output", "at", "size"],
)
async def test_an_impossible_next_run_is_invalid_and_harms_no_other_completion(
    agent: Agent, again: Row
) -> None:
    lease = await begin_flow(agent)
    other = await begin_flow(agent)

    answers = await agent.complete_all(
        [ref(lease) | {"output": {}, "again": again}, ref(other) | {"output": {"text": "x"}}]
    )

    assert [answer["answer"] for answer in answers] == ["invalid", "ok"]
    assert (await task_of(agent, lease["task_id"]))["status"] == "running"


async def test_a_model_that_is_not_granted_any_more_is_told(agent: Agent) -> None:
    lease = await begin_flow(agent, owner=ALICE, model="model-a")
    await agent.connection.execute(
        "insert into cogo.grants (owner, kind, name) values ($1, 'model', 'model-b')", ALICE
    )

    answer = await repeat(agent, lease)

    assert answer["answer"] == "invalid"
    assert "model-a is not granted" in answer["detail"]


async def test_a_child_does_not_repeat_itself(agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"))
    [child] = await children_of(agent, task_id)

    answer = await repeat(agent, await claim_flow(agent, child["id"]))

    assert (answer["answer"], "parent" in answer["detail"]) == ("invalid", True)
