"""Vectors that are hard to get: tried again, asked for by two, or refused by pgvector."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.sql.agent import Agent
from tests.support.sql.database import ALICE, Database
from tests.support.sql.memory import call, embed, has_pgvector, remember, run_memory

pytestmark = pytest.mark.db

MODEL = "m"


@pytest.fixture
async def agent(database: Database) -> Agent:
    """Return an agent of a database with an outer index, so that vectors are asked for."""
    agent = Agent(await database.connect())
    await call(agent.connection, "register_index", index="outer")
    return agent


async def test_a_vector_that_was_asked_for_in_vain_is_asked_for_once_a_day_for_a_week(
    database: Database, agent: Agent
) -> None:
    service = agent.connection
    await remember(service, ALICE, "odd")
    asked = list[int]()
    for _ in range(30):
        ran = await run_memory(service, MODEL)
        asked.append(ran["asked"])
        await embed(agent, {"odd": [1, "NaN"] if len(asked) < 8 else [1, 0]})
        await run_memory(service, MODEL)
        [status] = await call(service, "memory_status", owner=ALICE)
        if len(asked) == 5:
            assert (status["waiting"], status["failed"]) == (0, 1)
        await database.jump(timedelta(days=1))

    [status] = await call(service, "memory_status", owner=ALICE)
    assert asked == [1] * 8 + [0] * 22
    assert (status["embedded"], status["failed"], status["last_error"]) == (1, 0, None)


async def test_of_two_orchestrators_with_different_models_the_first_one_embeds(
    database: Database, agent: Agent
) -> None:
    service = agent.connection

    async def beat(id_: str, model: str, **more: Any) -> None:
        record = {"id": id_, "kind": "orchestrator", "details": {"memory_model": model}} | more
        await call(service, "record_agent", agent=record)

    await beat("orchestrator-0", "one")
    await database.jump(timedelta(seconds=1))
    await beat("orchestrator-1", MODEL)
    await remember(service, ALICE, "north")

    ran = await run_memory(service, MODEL)
    assert ran["asked"] == 0
    assert "orchestrator-0 embeds memory with one, so this agent asks for no" in ran["problem"]
    [other] = await call(service, "run_memory", agent_id="orchestrator-0", embedding_model="one")
    assert (other["asked"], other["problem"]) == (1, None)
    await embed(agent, {"north": [0, 1]})
    await run_memory(service, MODEL)
    assert (await run_memory(service, MODEL))["asked"] == 0  # it is not embedded anew in turns
    await beat("orchestrator-0", "one", stopped_at="2020-01-01T00:00:00Z")

    ran = await run_memory(service, MODEL)

    assert (ran["asked"], ran["problem"]) == (1, None)


async def test_a_vector_that_pgvector_refuses_stops_no_other(
    database: Database, agent: Agent
) -> None:
    service = agent.connection
    if not await has_pgvector(service):
        pytest.skip("there is no pgvector")
    facts = [f"fact {number}" for number in range(4)]
    rows = await remember(service, ALICE, *facts)
    owner = await database.connect("postgres")
    await owner.execute("delete from cogo.embedding_queue")
    await owner.execute(
        "update public.cogo_memories set model_id = $1, dimensions = 2, simulated = false,"
        " embedded_at = now()",
        MODEL,
    )
    bad = rows[0]["id"]
    for row in rows:
        vector = [float("inf"), 1.0] if row["id"] == bad else [1.0, 0.0]
        await owner.execute(
            "insert into cogo.memory_vectors (id, vector) values ($1, $2)", row["id"], vector
        )

    ran = await run_memory(service, MODEL)
    again = await run_memory(service, MODEL)

    assert "cannot be moved to pgvector" in ran["problem"]
    assert again["problem"] is None
    [left] = await owner.fetch("select id, error from cogo.memory_vectors")
    assert (left["id"], "infinite" in left["error"]) == (bad, True)
    assert await owner.fetchval("select count(*) from cogo.memory_vectors_2") == 3
