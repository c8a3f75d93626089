from typing import Any

import asyncpg
import pytest

from tests.db.calls import a_call, begin
from tests.support.sql.agent import Agent, insert_task, plan_task, step
from tests.support.sql.database import ALICE, BOB, Database

pytestmark = pytest.mark.db


async def grant(agent: Agent, owner: object, models: list[str], providers: list[str]) -> Any:
    return await agent.connection.fetchrow(
        "select * from public.cogo_set_grants($1, $2, $3, $4)", owner, models, providers, ["Nick"]
    )


@pytest.mark.parametrize("model", [None, "model-a", "MODEL-A", "nick"])
async def test_a_granted_model_may_be_requested(agent: Agent, model: str | None) -> None:
    await grant(agent, ALICE, ["model-a"], [])

    assert await insert_task(agent.connection, owner=ALICE, model=model)


async def test_a_model_that_is_not_granted_is_refused_at_once_with_those_that_are(
    database: Database, agent: Agent
) -> None:
    await grant(agent, ALICE, ["model-a", "model-c"], [])
    alice = await database.connect("authenticated", ALICE)

    with pytest.raises(asyncpg.PostgresError, match="granted are model-a, model-c") as refused:
        await insert_task(alice, model="model-b")

    assert refused.value.sqlstate == "TQ007"
    assert await insert_task(agent.connection, owner=BOB, model="model-b")
    assert await insert_task(agent.connection, model="model-b")


async def test_a_plan_is_not_stamped_with_what_is_not_granted(agent: Agent) -> None:
    await grant(agent, ALICE, ["model-a"], ["acme"])
    await insert_task(agent.connection, owner=ALICE)
    [plan] = await agent.claim("cio")
    assert plan["task"]["grants"] == {"models": ["model-a"], "providers": ["acme"]}

    def stamped(lane: str, provider: str) -> dict[str, Any]:
        selection = {"key": "a", "selected_model": lane, "provider": provider, "reason": "r"}
        return {"subtasks": [step("a", lane=lane)], "selections": [selection]}

    sent = {"subtask_id": str(plan["subtask_id"]), "attempt": plan["attempt"], "output": {}}
    [answer] = await agent.complete_all([sent | {"plan": stamped("model-b", "other")}])

    assert answer["answer"] == "invalid"
    assert "everything of acme" in answer["detail"]
    assert await agent.complete(plan, plan=stamped("model-b", "acme")) == "ok"


async def test_a_route_and_a_call_are_held_to_the_grants_of_that_moment(agent: Agent) -> None:
    await plan_task(agent, owner=ALICE)
    [lease] = await agent.claim("model-a")
    assert lease["task"]["grants"] is None
    await grant(agent, ALICE, ["model-c"], [])

    answer = await begin(agent, a_call(lease))
    assert (answer["answer"], "granted are model-c" in answer["detail"]) == ("not_granted", True)
    await agent.fail(lease, "reroute")
    [back] = await agent.claim("cio")
    sent = {"subtask_id": str(back["subtask_id"]), "attempt": back["attempt"], "output": {}}
    [refused] = await agent.complete_all([sent | {"route": {"lane": "model-b"}}])

    assert refused["answer"] == "invalid"
    assert "TQ007" in refused["detail"]
    assert await agent.complete(back, route={"lane": "model-c"}) == "ok"


async def test_without_any_grant_everything_is_allowed_again(agent: Agent) -> None:
    await grant(agent, ALICE, ["model-a"], [])
    assert [tuple(row) for row in await agent.connection.fetch(
        "select owner, models from public.cogo_grants()")] == [(ALICE, ["model-a"])]  # fmt: skip
    await agent.connection.execute("select from public.cogo_set_grants($1)", ALICE)

    assert await agent.connection.fetch("select * from public.cogo_grants()") == []
    assert await insert_task(agent.connection, owner=ALICE, model="model-b")
