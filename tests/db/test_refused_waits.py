"""What nobody could answer is no wait, and leaves nothing."""

import pytest

from tests.support.sql.agent import Agent, insert_task, ref
from tests.support.sql.flows import claim_flow
from tests.support.sql.turns import approvals, hand_over_step, question, wait

pytestmark = pytest.mark.db


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"wait": []}, "must be an object with a list"),
        ({"wait": 7}, "must be an object with a list"),
        ({"wait": {}}, "must be an object with a list"),
        ({"wait": {"approvals": {}}}, "must be an object with a list"),
        ({"wait": {"approvals": []}}, "1 to 100 questions"),
        ({"wait": {"approvals": [7]}}, "needs a call_id"),
        ({"wait": {"approvals": [{"question": "?"}]}}, "needs a call_id"),
        ({"wait": {"approvals": [question("a" * 201)]}}, "needs a call_id"),
        ({"wait": {"approvals": [question("a")] * 2}}, "asked about twice"),
        ({"wait": {"approvals": [{"call_id": "a"}]}}, "needs a text question"),
        ({"wait": {"approvals": [question("a", by="the boss")]}}, "or operators"),
        ({"wait": {"approvals": [question("a", by=7)]}}, "or operators"),
        ({"wait": {"approvals": [question("a", show="a" * 1048577)]}}, "more than 1 MiB"),
        ({"wait": {"approvals": [question(str(n)) for n in range(101)]}}, "1 to 100"),
        ({"wait": {"approvals": [question("a")]}, "suspend": {"awaits": []}}, "in one way"),
        ({"wait": {"approvals": [question("a")]}, "subtasks": []}, "in one way"),
    ],
)
async def test_what_nobody_could_answer_is_invalid(
    agent: Agent, fields: dict[str, object], detail: str
) -> None:
    await hand_over_step(agent)
    [lease] = await agent.claim("model-a")

    [row] = await agent.complete_all([ref(lease) | {"output": {"text": "done"}} | fields])

    assert row["answer"] == "invalid"
    assert detail in row["detail"]
    assert await approvals(agent.connection) == []
    assert await wait(agent, lease, question("a")) == ("ok", None)


async def test_a_flow_does_not_wait_for_calls(agent: Agent) -> None:
    task_id = await insert_task(agent.connection)
    lease = await claim_flow(agent, task_id)

    answered, detail = await wait(agent, lease, question("call_1"))

    assert answered == "invalid"
    assert detail == "only a step may wait for answers of people"
