"""Vectors of memories: asked for, stored, compared and told to outer indexes."""

import pytest

from tests.support.sql.agent import Agent
from tests.support.sql.database import ALICE, BOB, Database
from tests.support.sql.memory import (
    add_document,
    call,
    embed,
    has_pgvector,
    open_follow_ups,
    remember,
    run_memory,
    search,
)

pytestmark = pytest.mark.db

MODEL = "text-embedding-3-small"


async def test_memories_get_vectors_by_tasks_that_are_deleted(database: Database) -> None:
    agent = Agent(await database.connect())
    service = agent.connection
    await remember(service, ALICE, "north", "east")
    await add_document(service, BOB, "b.md", ["south"])
    # So that vectors are made without pgvector, too.
    await call(service, "register_index", index="outer")

    ran = await run_memory(service, MODEL)

    assert (ran["asked"], ran["problem"]) == (3, None)
    tasks = await open_follow_ups(service)
    assert {(task["owner"], *sorted(task["params"]["input"])) for task in tasks} == {
        (ALICE, "east", "north"),
        (BOB, "south"),
    }
    assert {
        (task["type"], task["model"], task["follow_up"], task["priority"]) for task in tasks
    } == {("EMBED", MODEL, "embed", 1)}
    assert (await run_memory(service, MODEL))["asked"] == 0
    vectors = {"north": [0, 1, 0], "east": [3, 0, 0], "south": [0, -1, 0]}
    await embed(agent, vectors)
    assert (await run_memory(service, MODEL))["applied"] == 2

    assert await service.fetchval("select count(*) from public.cogo_tasks") == 0
    memories = await service.fetch("select * from public.cogo_memories")
    assert {(row["model_id"], row["dimensions"], row["simulated"]) for row in memories} == {
        (MODEL, 3, False)
    }
    hits = await search(service, ALICE, "", vector=[1, 0.5, 0], model_id=MODEL)
    if await has_pgvector(service):
        assert [(hit["content"], hit["found_by"]) for hit in hits] == [
            ("east", ["vectors"]),
            ("north", ["vectors"]),
        ]
        assert hits[0]["likeness"] == pytest.approx(0.894, abs=1e-3)
    else:
        assert hits == []
    assert await search(service, ALICE, "", vector=[1, 0, 0], model_id="another") == []
    assert await search(service, ALICE, "", vector=[1, 0, 0], model_id=MODEL, simulated=True) == []
    both = await search(service, ALICE, "east", vector=[1, 0, 0], model_id=MODEL)
    assert both[0]["found_by"] == ["words", *(["vectors"] if hits else [])]
