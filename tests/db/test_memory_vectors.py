"""Vectors of memories: asked for by follow-up tasks, stored, compared, replaced."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.support.servers.postgres import Cluster
from tests.support.sql.agent import Agent
from tests.support.sql.database import ALICE, BOB, Connection, Database, apply_migrations
from tests.support.sql.memory import (
    add_document,
    call,
    embed,
    find,
    has_pgvector,
    open_follow_ups,
    remember,
    run_memory,
    search,
)
from tests.support.sql.waits import claim_flow

pytestmark = pytest.mark.db

MODEL = "text-embedding-3-small"


@pytest.fixture
async def agent(database: Database) -> Agent:
    """Return an agent of a database with an outer index: vectors are made without pgvector, too."""
    agent = Agent(await database.connect())
    await call(agent.connection, "register_index", index="outer")
    return agent


async def test_memories_get_vectors_by_tasks_that_are_deleted(agent: Agent) -> None:
    service = agent.connection
    await remember(service, ALICE, "north", "east")
    await add_document(service, BOB, "b.md", ["south"])

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


async def test_nothing_is_asked_for_that_nobody_can_use(database: Database) -> None:
    service = await database.connect()
    await remember(service, ALICE, "a fact")

    without_model = await run_memory(service)
    with_model = await run_memory(service, MODEL)

    assert (without_model["asked"], without_model["problem"]) == (0, None)
    assert with_model["asked"] == (1 if await has_pgvector(service) else 0)


async def test_a_text_that_fails_harms_only_itself_and_is_given_up(
    database: Database, agent: Agent
) -> None:
    service = agent.connection
    await remember(service, ALICE, "good", "bad", "zero", "odd")
    good: dict[str, Any] = {"good": [1, 0], "bad": None, "zero": [0, 0], "odd": [1, "NaN"]}

    while await service.fetchval("select count(*) from cogo.embedding_queue"):
        await run_memory(service, MODEL)
        await embed(agent, good)
        await run_memory(service, MODEL)
        await database.jump(timedelta(days=1))

    rows = await service.fetch("select content, model_id, error from public.cogo_memories")
    found = {row["content"]: (row["model_id"], row["error"]) for row in rows}
    why = "the model gave no vector of finite numbers that are not all 0"
    assert found == {
        "good": (MODEL, None), "bad": (None, why), "zero": (None, why), "odd": (None, why)
    }  # fmt: skip
    assert await service.fetchval("select count(*) from public.cogo_tasks") == 0
    assert sorted(await find(service, ALICE, "good bad zero odd")) == sorted(good)


async def test_vectors_that_were_given_up_are_asked_for_when_the_document_comes_again(
    database: Database, agent: Agent
) -> None:
    service = agent.connection
    await add_document(service, ALICE, "a.md", ["north", "south"])
    await give_vectors_up(await database.connect("postgres"))
    assert (await run_memory(service, MODEL))["asked"] == 0

    again = await add_document(service, ALICE, "a.md", ["north", "south"])

    assert again["is_unchanged"]
    assert (await run_memory(service, MODEL))["asked"] == 2


async def give_vectors_up(owner: Connection) -> None:
    await owner.execute("delete from cogo.embedding_queue")
    await owner.execute("update public.cogo_memories set error = 'no vector'")


async def test_a_task_that_fails_is_tried_again_with_fewer_texts(
    database: Database, agent: Agent
) -> None:
    service = agent.connection
    await remember(service, ALICE, *(f"fact {number}" for number in range(10)))
    sizes = []

    for _ in range(4):
        ran = await run_memory(service, MODEL)
        tasks = await open_follow_ups(service)
        sizes.append([len(task["params"]["input"]) for task in tasks])
        for task in tasks:
            lease = await claim_flow(agent, task["id"])
            await agent.fail(lease, "give_up")
        ran = await run_memory(service, MODEL)
        assert "the vendor is overloaded" in ran["problem"]
        await database.jump(timedelta(days=1))

    # The other two go on beside the first ones alone.
    assert sizes == [[10], [10], [8], [2, 1]]


async def test_tasks_that_vanish_are_asked_for_again(database: Database, agent: Agent) -> None:
    service = agent.connection
    await remember(service, ALICE, "a fact")
    await run_memory(service, MODEL)
    await service.execute("delete from public.cogo_tasks where follow_up = 'embed'")

    await run_memory(service, MODEL)
    await database.jump(timedelta(hours=1))

    assert (await run_memory(service, MODEL))["asked"] == 1


async def test_another_model_embeds_anew_and_vectors_of_two_are_never_compared(
    agent: Agent,
) -> None:
    service = agent.connection
    await remember(service, ALICE, "north")
    await run_memory(service, MODEL)
    await embed(agent, {"north": [0, 1]})
    await run_memory(service, MODEL)

    ran = await run_memory(service, "another")
    assert ran["asked"] == 1
    await embed(agent, {"north": [0, 0, 1]})
    await run_memory(service, "another")

    assert await search(service, ALICE, "", vector=[0, 1], model_id=MODEL) == []
    assert await search(service, ALICE, "", vector=[0, 1], model_id="another") == []
    hits = await search(service, ALICE, "", vector=[0, 0, 1], model_id="another")
    assert len(hits) == (1 if await has_pgvector(service) else 0)
    if hits:
        left = await service.fetchval("select count(*) from cogo.memory_vectors_2")
        assert left == 0


async def test_an_executor_that_restarts_does_not_make_everything_be_embedded_twice(
    database: Database, agent: Agent
) -> None:
    service = agent.connection
    record = {"id": "e", "kind": "executor", "lanes": [f"tools:cogo.embeddings/{MODEL}"]}

    async def serve(**state: str) -> None:
        await service.execute("select from public.cogo_record_agent($1)", record | state)

    await serve()
    await remember(service, ALICE, "north")
    await run_memory(service, MODEL)
    await embed(agent, {"north": [0, 1]})
    await run_memory(service, MODEL)

    await serve(stopped_at="now")
    assert (await run_memory(service, "another"))["asked"] == 0
    await serve()
    await database.jump(timedelta(minutes=1))
    assert (await run_memory(service, "another"))["asked"] == 0
    await serve()
    assert (await run_memory(service, "another"))["asked"] == 1  # chosen although it is there


async def test_a_model_that_does_not_come_back_is_replaced(
    database: Database, agent: Agent
) -> None:
    service = agent.connection
    record = {"id": "e", "kind": "executor", "lanes": [f"tools:cogo.embeddings/{MODEL}"]}
    await service.execute("select from public.cogo_record_agent($1)", record)
    await remember(service, ALICE, "north")
    await run_memory(service, MODEL)
    await embed(agent, {"north": [0, 1]})
    await run_memory(service, MODEL)

    await database.jump(timedelta(hours=2))

    assert (await run_memory(service, "another"))["asked"] == 1


async def test_a_chunk_that_only_moved_keeps_its_vector(agent: Agent) -> None:
    service = agent.connection
    await add_document(service, ALICE, "a.md", ["one", "two", "two", "three"])
    await run_memory(service, MODEL)
    await embed(agent, {"one": [1, 0], "two": [0, 1], "three": [1, 1]})
    await run_memory(service, MODEL)

    await add_document(service, ALICE, "a.md", ["zero", "two", "three", "one"])

    rows = await service.fetch(
        "select place, content, model_id from public.cogo_memories order by place"
    )
    assert [tuple(row) for row in rows] == [
        (0, "zero", None), (1, "two", MODEL), (2, "three", MODEL), (3, "one", MODEL)
    ]  # fmt: skip
    assert (await run_memory(service, MODEL))["asked"] == 1


async def test_owners_take_turns(agent: Agent) -> None:
    service = agent.connection
    await remember(service, ALICE, *(f"fact {number}" for number in range(300)))
    await remember(service, BOB, "one of few")
    await remember(service, None, "nobody's")

    await run_memory(service, MODEL)
    await run_memory(service, MODEL, limit=1000)

    asked = await service.fetch(
        "select owner, count(*) from cogo.follow_ups group by owner order by owner"
    )
    assert [tuple(row) for row in asked] == [(ALICE, 2), (BOB, 1), (None, 1)]


async def test_users_find_only_their_own_by_meaning(database: Database, agent: Agent) -> None:
    service = agent.connection
    if not await has_pgvector(service):
        pytest.skip("this Postgres has no pgvector")
    for owner in (ALICE, BOB, None):
        await remember(service, owner, f"of {owner}")
    await run_memory(service, MODEL)
    await embed(agent, {f"of {owner}": [1, 2, 3] for owner in (ALICE, BOB, None)})
    await run_memory(service, MODEL)
    alice = await database.connect("authenticated", ALICE)

    given: dict[str, Any] = {"vector": [1, 2, 3], "model_id": MODEL}
    for named in (ALICE, BOB, None):
        assert await find(alice, named, "", **given) == [f"of {ALICE}"]
    assert await find(service, None, "", **given) == ["of None"]


async def test_an_owner_of_many_finds_what_passes_a_filter(database: Database) -> None:
    """The walk through the index is long enough, whatever share of the vectors passes."""
    service = await database.connect()
    if not await has_pgvector(service):
        pytest.skip("this Postgres has no pgvector")
    owner = await database.connect("postgres")
    await add_document(service, ALICE, "big.md", [f"chunk {number}" for number in range(3000)])
    await add_document(service, ALICE, "small.md", [f"small {number}" for number in range(30)])
    await owner.execute("select cogo.prepare_vectors('memory', 4)")
    await owner.execute(
        "insert into cogo.memory_vectors_4"
        " select id, owner, 'm', false, kind, source,"
        "  array[cos(seq), sin(seq), cos(seq * 7), 1]::extensions.vector::extensions.halfvec"
        "  from public.cogo_memories"
    )
    await owner.execute("analyze cogo.memory_vectors_4")

    async def near(expected: float, condition: str) -> list[Any]:
        rows = await owner.fetch(
            "select * from cogo.search_vectors('cogo.memory_vectors_4', $1, $2, 'm', false,"
            " array[1, 2, 3, 4]::real[], $3, 20)",
            ALICE,
            condition,
            expected,
        )
        return [row["id"] for row in rows]

    for condition in ("true", "w.source = 'small.md'"):
        exact = await near(1, condition)
        assert len(exact) == 20
        walked = await near(1_000_000, condition)
        # Equal likeness may come in another order.
        assert len(set(walked) & set(exact)) >= 18, condition
    assert await owner.fetchval("select current_setting('hnsw.iterative_scan')") == "off"


async def test_vectors_come_back_after_pgvector_was_removed(
    cluster: Cluster, database_url: str
) -> None:
    await apply_migrations(database_url)
    superuser = await asyncpg.connect(
        cluster.dsn("supabase_admin", database_url.rpartition("/")[2])
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(superuser.close)
        agent = Agent(await Database(database_url, stack).connect())
        service = agent.connection
        if not await has_pgvector(service):
            pytest.skip("this Postgres has no pgvector")
        given: dict[str, Any] = {"vector": [0, 1], "model_id": MODEL}
        kept = {"content": "kept", "vector": [0, 1], "model_id": MODEL}
        await call(service, "keep_embeddings", owner=None, items=[kept])
        await remember(service, None, "north")
        await run_memory(service, MODEL)
        await embed(agent, {"north": [0, 1], "east": [1, 0]})
        await run_memory(service, MODEL)

        await superuser.execute("drop extension vector cascade")
        await remember(service, None, "east")
        found = await search(service, None, "north east", **given)
        assert {hit["content"]: hit["found_by"] for hit in found} == {
            "north": ["words"],
            "east": ["words"],
        }
        assert len(await call(service, "nearest_embeddings", owner=None, **given)) == 1
        await superuser.execute("create extension vector with schema extensions")
        for _ in range(2):
            await run_memory(service, MODEL)
            await embed(agent, {"north": [0, 1], "east": [1, 0]})
            await run_memory(service, MODEL)

        assert await find(service, None, "", **given) == ["north", "east"]
        assert len(await call(service, "nearest_embeddings", owner=None, **given)) == 1
        assert await service.fetchval("select count(*) from cogo.unindexed_embeddings") == 0
