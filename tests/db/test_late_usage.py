"""What cancelled attempts have cost, reported after they were ended."""

from datetime import timedelta

import pytest

from tests.db.laws import broken_laws
from tests.support.sql.agent import Agent, task_of
from tests.support.sql.database import Database
from tests.support.sql.flows import claim_flow, claim_steps, new_step, start_flow

pytestmark = pytest.mark.db


@pytest.mark.parametrize("way", ["complete", "fail"])
async def test_what_a_step_has_cost_is_booked_after_the_deadline_has_ended_it(
    database: Database, agent: Agent, way: str
) -> None:
    deadline = database.now + timedelta(minutes=1)
    task_id = await start_flow(agent, *map(new_step, "ab"), columns={"deadline": deadline})
    leases = await claim_steps(agent, *"ab")
    await agent.complete(leases["a"], usage={"cost_usd": "0.02", "output_tokens": 5})
    await database.jump(timedelta(seconds=61))
    await agent.extend(leases["b"])
    await agent.reap()
    assert (await task_of(agent, task_id))["cost_usd"] is None
    flow = await claim_flow(agent, task_id)
    await agent.complete(flow, output={"text": "what I have"})

    usage = {"cost_usd": "0.03", "output_tokens": 7}
    for _ in "twice":
        if way == "complete":
            assert await agent.complete(leases["b"], usage=usage) == "closed"
        else:
            await agent.fail(leases["b"], "give_up", usage=usage)

    task = await task_of(agent, task_id)
    assert (str(task["cost_usd"]), task["output_tokens"]) == ("0.05", 12)
    attempt = await agent.connection.fetchrow(
        "select outcome, error ->> 'class' as class, cost_usd"
        " from public.cogo_attempts where subtask_id = $1",
        leases["b"]["subtask_id"],
    )
    assert attempt is not None
    assert (attempt["outcome"], attempt["class"]) == ("cancelled", "deadline")
    assert str(attempt["cost_usd"]) == "0.03"
    assert await broken_laws(agent.connection) == []


async def test_a_cancelled_attempt_that_was_reaped_gets_its_cost_but_no_other_agent_gives_one(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    task_id = await start_flow(agent, new_step("a"))
    lease = (await claim_steps(agent, "a"))["a"]
    await agent.connection.execute("select from public.cogo_cancel_task($1)", task_id)
    await database.jump(timedelta(minutes=1))
    await agent.reap()
    assert (await task_of(agent, task_id))["cost_usd"] is None

    assert await other_agent.complete(lease, usage={"cost_usd": "9"}) == "stale"
    assert await agent.complete(lease, usage="much") == "closed"
    assert (await task_of(agent, task_id))["cost_usd"] is None
    assert await agent.extend(lease) == ["cancel"]
    assert await agent.complete(lease, usage={"cost_usd": "0.03"}) == "closed"

    assert str((await task_of(agent, task_id))["cost_usd"]) == "0.03"
    assert await broken_laws(agent.connection) == []
