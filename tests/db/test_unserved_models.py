"""Asks of models that no running executor serves any more."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.db.laws import broken_laws
from tests.support.sql.agent import Agent, Row
from tests.support.sql.database import Database
from tests.support.sql.flows import claim_steps, new_step, read_steps, start_flow

pytestmark = pytest.mark.db


async def record(agent: Agent, row: Row) -> None:
    await agent.connection.execute("select from public.cogo_record_agent($1)", row)


async def lanes_of(agent: Agent, *task_ids: UUID) -> list[str]:
    """Return the lane of the step `a` of each task."""
    return [(await read_steps(agent, each))["a"]["lane"] for each in task_ids]


async def test_asks_of_a_model_that_is_gone_return_to_the_cio_unless_their_task_names_it(
    database: Database, agent: Agent
) -> None:
    executor = {"id": "e1", "kind": "executor", "capacity": 1, "lanes": ["model-a"]}
    await record(agent, executor)
    free = await start_flow(agent, new_step("a"))
    chosen = await start_flow(agent, new_step("a"), columns={"model": "auto"})
    pinned = await start_flow(agent, new_step("a"), columns={"model": "model-a"})
    await database.jump(timedelta(seconds=20))
    await record(agent, executor | {"lanes": ["model-b"]})
    late = await start_flow(agent, new_step("a"))

    await agent.reap()

    assert await lanes_of(agent, free, chosen, pinned, late) == ["cio", "cio", "model-a", "model-a"]
    leases = {each["task_id"]: each for each in await agent.claim("cio")}
    assert set(leases) == {free, chosen}
    route = {"lane": "model-b", "params": {"model_id": "model-b"}}
    await agent.complete(leases[free], route=route)
    assert (await claim_steps(agent, "a", lane="model-b"))["a"]["task_id"] == free
    assert await broken_laws(agent.connection) == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"lanes": ["model-a", "model-b"]}, id="served"),
        pytest.param({"lanes": []}, id="nothing-else-is-served"),
        pytest.param({"lanes": ["sandbox:python"]}, id="no-other-model"),
        pytest.param({"lanes": ["model-b"], "kind": "orchestrator"}, id="no-executor"),
    ],
)
async def test_asks_stay_where_another_model_could_not_answer_them(
    database: Database, agent: Agent, changes: Row
) -> None:
    task_id = await start_flow(agent, new_step("a"))
    await database.jump(timedelta(seconds=20))
    row = {"id": "e1", "kind": "executor", "capacity": 1}
    await record(agent, row | changes)

    await agent.reap()

    assert await lanes_of(agent, task_id) == ["model-a"]


async def test_an_executor_that_has_fallen_silent_serves_nothing(
    database: Database, agent: Agent
) -> None:
    row = {"id": "e1", "kind": "executor", "capacity": 1, "lanes": ["model-a"]}
    await record(agent, row)
    task_id = await start_flow(agent, new_step("a"))
    await database.jump(timedelta(seconds=20))
    await record(agent, row | {"id": "e2", "lanes": ["model-b"]})
    await agent.reap()
    assert await lanes_of(agent, task_id) == ["model-a"]
    await database.jump(timedelta(seconds=15))

    await agent.reap()

    assert await lanes_of(agent, task_id) == ["cio"]
