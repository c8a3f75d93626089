from datetime import timedelta

import pytest

from tests.db.calls import a_call, begin, end
from tests.support.servers.postgres import ONE_VERSION
from tests.support.sql.agent import Agent, Row
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


async def test_children_may_be_nested_four_deep(agent: Agent) -> None:
    task_id = await start_flow(agent, child_step("a"))
    for _ in range(4):
        [child] = await children_of(agent, task_id)
        task_id = child["id"]
        await suspend(agent, await claim_flow(agent, task_id), child_step("a"))

    record = await read_record(agent, task_id)

    assert await children_of(agent, task_id) == []
    assert record["a"]["error"]["class"] == "child_limit"


@ONE_VERSION
async def test_a_task_has_at_most_two_hundred_descendants(agent: Agent) -> None:
    lease = await begin_flow(agent)
    first = [child_step(f"a{number}") for number in range(100)]
    await suspend(agent, lease, *first)
    [one, *_] = await children_of(agent, lease["task_id"])
    await suspend(
        agent,
        await claim_flow(agent, one["id"]),
        *[child_step(f"b{number}") for number in range(100)],
    )
    [two] = await agent.connection.fetch(
        "select id from public.cogo_tasks where parent_task_id = $1 order by seq limit 1", one["id"]
    )
    await suspend(agent, await claim_flow(agent, two["id"]), child_step("one-too-many"))

    record = await read_record(agent, two["id"])

    assert record["one-too-many"]["error"]["class"] == "child_limit"
    assert await agent.connection.fetchval("select count(*) from cogo.child_tasks") == 200


@pytest.mark.parametrize(
    "child",
    [{"prompt": "x" * 2_097_153}, {"type": "x" * 256}, {"params": {"a": [[]] * 600_000}}],
    ids=["prompt", "type", "params"],
)
async def test_a_child_that_cannot_be_stored_fails_its_step_and_no_other(
    agent: Agent, child: Row
) -> None:
    task_id = await start_flow(agent, child_step("bad", **child), child_step("good"))

    [good] = await children_of(agent, task_id)

    assert good["prompt"] == "do good"
    found = await agent.connection.fetchrow(
        "select status, error from public.cogo_subtasks where task_id = $1 and key = 'bad'", task_id
    )
    assert found is not None
    assert (found["status"], found["error"]["class"]) == ("failed", "invalid_task")


async def test_a_child_may_not_name_a_model_that_is_not_granted(agent: Agent) -> None:
    lease = await begin_flow(agent, owner=ALICE)
    await agent.connection.execute(
        "insert into cogo.grants (owner, kind, name) values ($1, 'model', 'model-a')", ALICE
    )
    await suspend(agent, lease, child_step("a", model="model-b"), child_step("b", model="model-a"))

    [b] = await children_of(agent, lease["task_id"])

    assert b["model"] == "model-a"
    found = await agent.connection.fetchval(
        "select error from public.cogo_subtasks where task_id = $1 and key = 'a'", lease["task_id"]
    )
    assert found["class"] == "not_granted"


async def test_the_budget_of_a_child_is_reserved_and_what_is_left_returned(agent: Agent) -> None:
    lease = await begin_flow(agent, budget_usd=1)
    await suspend(
        agent, lease, child_step("a", budget_usd="0.6"), child_step("b", budget_usd="0.6"),
        child_step("c", budget_usd="0.4"),
    )  # fmt: skip
    task_id = lease["task_id"]
    a, c = await children_of(agent, task_id)
    refused = await agent.connection.fetchval(
        "select error from public.cogo_subtasks where task_id = $1 and key = 'b'", task_id
    )
    assert refused["class"] == "budget"
    assert "$0.4" in refused["message"]

    # The parent's own calls may not take what is reserved.
    own = await begin(agent, a_call(usd=0.1, task_id=str(task_id)))
    assert (own["answer"], own["scope"]) == ("wait", "task")
    # A child's calls may.
    child_call = a_call(usd=0.5, task_id=str(a["id"]))
    assert (await begin(agent, child_call))["answer"] == "ok"
    await end(agent, child_call, 0.1)
    assert (await begin(agent, a_call(usd=0.6, task_id=str(a["id"]))))["answer"] == "refused"
    await finish(agent, a["id"])

    # $0.1 is spent and $0.4 reserved for c: $0.5 are left.
    assert (await begin(agent, a_call(usd=0.51, task_id=str(task_id))))["answer"] == "wait"
    assert (await begin(agent, a_call(usd=0.5, task_id=str(task_id))))["answer"] == "ok"
    assert (await begin(agent, a_call(usd=0.4, task_id=str(c["id"]))))["answer"] == "ok"


async def test_parallel_children_without_budgets_do_not_overspend_their_parents(
    agent: Agent,
) -> None:
    task_id = await start_flow(agent, child_step("a"), child_step("b"), budget_usd=1)
    a, b = await children_of(agent, task_id)

    first = a_call(usd=0.7, task_id=str(a["id"]))
    assert (await begin(agent, first))["answer"] == "ok"
    waits = await begin(agent, a_call(usd=0.7, task_id=str(b["id"])))
    await end(agent, first, 0.7)
    refused = await begin(agent, a_call(usd=0.7, task_id=str(b["id"])))

    assert waits["answer"] == "wait"
    assert refused["answer"] == "refused"
    assert str(task_id) in refused["detail"]


async def test_calls_of_children_are_kept_while_they_count_towards_a_budget(
    database: Database, agent: Agent
) -> None:
    task_id = await start_flow(agent, child_step("a"), budget_usd=1)
    [child] = await children_of(agent, task_id)
    spent = a_call(usd=0.7, task_id=str(child["id"]))
    await begin(agent, spent)
    await end(agent, spent, 0.7)
    await finish(agent, child["id"])
    await database.jump(timedelta(days=40))

    await agent.connection.execute(
        "select public.cogo_prune_records(1000, null, $1)", timedelta(days=30)
    )

    assert (await begin(agent, a_call(usd=0.7, task_id=str(task_id))))["answer"] == "refused"
