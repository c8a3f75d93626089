"""What outer indexes of vectors are told, and what is left of a memory that was forgotten."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.support.sql.agent import Agent, Row
from tests.support.sql.database import ALICE, BOB, Connection, Database
from tests.support.sql.flows import answer, claim_flow, claim_steps, hand_over, new_step
from tests.support.sql.memory import (
    add_document,
    call,
    embed,
    find,
    open_follow_ups,
    remember,
    run_memory,
)

pytestmark = pytest.mark.db

MODEL = "m"
LANE = f"tools:cogo.embeddings/{MODEL}"
EVER = datetime(9999, 1, 1, tzinfo=UTC)


@pytest.fixture
async def agent(database: Database) -> Agent:
    """Return an agent of a database with two memories of Alice, one of Bob, and an index."""
    agent = Agent(await database.connect())
    await call(agent.connection, "register_index", index="outer")
    await remember(agent.connection, ALICE, "north")
    await add_document(agent.connection, ALICE, "east.md", ["east"])
    await remember(agent.connection, BOB, "south")
    await run_memory(agent.connection, MODEL)
    await embed(agent, {"north": [0, 1], "east": [2, 0], "south": [0, -1]})
    await run_memory(agent.connection, MODEL)
    return agent


async def changes(service: Connection, index: str = "outer", **more: Any) -> list[Row]:
    return await call(service, "list_vector_changes", index=index, **more)


async def confirm(service: Connection, through: int, index: str = "outer", **more: Any) -> bool:
    [answer] = await call(service, "confirm_vector_changes", index=index, through=through, **more)
    return bool(answer["cogo_confirm_vector_changes"])


async def test_an_index_is_told_each_vector_until_it_confirms(agent: Agent) -> None:
    service = agent.connection

    listed = await changes(service)
    assert await changes(service) == listed
    assert [row["owner"] for row in listed].count(ALICE) == 2
    assert all(row["model_id"] == MODEL and not row["is_deleted"] for row in listed)
    # Only directions count: where pgvector is, lengths are 1.
    assert {tuple(number > 0 for number in row["vector"]) for row in listed} == {
        (False, True), (True, False), (False, False)
    }  # fmt: skip
    assert await confirm(service, listed[0]["seq"])
    assert await changes(service) == listed[1:]
    assert await confirm(service, listed[-1]["seq"])
    assert await changes(service) == []


async def test_a_new_index_is_told_everything_that_is_there(agent: Agent) -> None:
    service = agent.connection
    await confirm(service, (await changes(service))[-1]["seq"])

    await call(service, "register_index", index="second")
    await call(service, "register_index", index="second")

    assert len(await changes(service, "second")) == 3
    assert await changes(service) == []
    for function, arguments in (
        ("list_vector_changes", {"index": "unknown"}),
        ("confirm_vector_changes", {"index": "unknown", "through": 1}),
        ("register_index", {"index": "a b"}),
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await call(service, function, **arguments)
        assert refused.value.sqlstate in {"TQ002", "TQ004"}


async def test_what_changes_between_listing_and_confirming_is_told_again(agent: Agent) -> None:
    service = agent.connection
    listed = await changes(service)
    await call(service, "forget_memory", owner=ALICE, source="east.md")

    assert await confirm(service, listed[-1]["seq"])

    [gone] = await changes(service)
    assert (gone["owner"], gone["is_deleted"], gone["vector"]) == (ALICE, True, None)
    assert gone["id"] in {row["id"] for row in listed}


async def test_a_change_that_is_committed_late_is_not_passed_over(
    database: Database, agent: Agent
) -> None:
    service = agent.connection
    late = await database.connect()
    begun = late.transaction()
    await begun.start()
    await call(late, "forget_memory", owner=BOB, before=EVER)
    await call(service, "forget_memory", owner=ALICE, before=EVER)

    listed = await changes(service)
    assert await confirm(service, listed[-1]["seq"])
    assert [(row["owner"], row["is_deleted"]) for row in listed] == [(ALICE, True)] * 2
    await begun.commit()

    assert [(row["owner"], row["is_deleted"]) for row in await changes(service)] == [(BOB, True)]


async def test_one_agent_at_a_time_brings_an_index_up_to_date(
    database: Database, agent: Agent
) -> None:
    service = agent.connection

    listed = await changes(service, agent_id="one", lease_seconds=60)
    assert await changes(service, agent_id="two") == []
    assert not await confirm(service, listed[-1]["seq"], agent_id="two")
    await database.jump(timedelta(seconds=61))
    assert await changes(service, agent_id="two") == listed
    assert not await confirm(service, listed[-1]["seq"], agent_id="one")
    assert await confirm(service, listed[-1]["seq"], agent_id="two")
    assert await changes(service, agent_id="two") == []


async def test_forgetting_leaves_nothing(database: Database, agent: Agent) -> None:
    """Neither in tables, nor in tasks that were to embed it, nor in answers that may cite it."""
    service = agent.connection
    secret = "xyzzy plugh"
    await remember(service, ALICE, f"a fact: {secret}")
    await remember(service, ALICE, "an innocent fact")
    await add_document(service, ALICE, "s.md", [f"a chunk: {secret}"], title=secret)
    await add_document(service, ALICE, "part.md", [f"a part: {secret}"], total=2)
    await run_memory(service, MODEL)
    await embed(agent, {f"a fact: {secret}": [1, 1], f"a chunk: {secret}": [1, 2]})
    await service.execute(
        "select public.cogo_cache_answer('k', $1, 'm', $2, 60)", ALICE, {"text": secret}
    )
    await service.execute(
        "select public.cogo_cache_answer('l', $1, 'm', '{\"text\": \"of Bob\"}', 60)", BOB
    )
    await run_memory(service, MODEL)
    await add_document(service, ALICE, "s.md", [f"a chunk: {secret}", f"another: {secret}"])
    await run_memory(service, MODEL)
    owner = await database.connect("postgres")
    assert await holders(owner, "xyzzy")

    would = await call(service, "forget_memory", owner=ALICE, source="s.md", dry_run=True)
    did = await call(service, "forget_memory", owner=ALICE, source="s.md")
    assert would == did == [{"forgotten": 2, "documents": 1, "is_more": False}]
    await call(service, "forget_memory", owner=ALICE, kind="fact", before=EVER)
    await call(service, "forget_memory", owner=ALICE, source="part.md")
    await run_memory(service, MODEL)

    assert await holders(owner, "xyzzy") == []
    assert await owner.fetchval("select array_agg(key) from cogo.cached_answers") == ["l"]
    gone = [row for row in await changes(service) if row["is_deleted"]]
    assert {row["owner"] for row in gone} == {ALICE}
    assert await find(service, BOB, "south") == ["south"]
    assert await service.fetchval("select count(*) from public.cogo_tasks") == 0


async def holders(owner: Connection, word: str) -> list[str]:
    """Return the tables of ours that have a word anywhere, also as part of a search index."""
    tables = await owner.fetch(
        "select c.oid::regclass::text as name from pg_class c"
        " where c.relnamespace in ('cogo'::regnamespace, 'public'::regnamespace)"
        "   and c.relkind = 'r'"
    )
    return [
        row["name"]
        for row in tables
        if await owner.fetchval(
            f"select exists (select from {row['name']} t where t::text like $1)",  # noqa: S608
            f"%{word}%",
        )
    ]


async def test_a_task_that_runs_while_its_text_is_forgotten_leaves_nothing(
    database: Database, agent: Agent
) -> None:
    service = agent.connection
    await remember(service, ALICE, "xyzzy", "innocent")
    await run_memory(service, MODEL)
    [lease] = await agent.claim("cio")

    ids = [
        row["id"]
        for row in await service.fetch(
            "select id from public.cogo_memories where content = 'xyzzy'"
        )
    ]
    await call(service, "forget_memory", owner=ALICE, ids=ids)
    assert await service.fetchval("select status from public.cogo_tasks") == "cancelled"
    # Its holder learns that it is over, and gives the lease back.
    assert await agent.complete(lease) == "closed"
    asked = await run_memory(service, MODEL)

    assert asked["asked"] == 1
    tasks = await service.fetch("select params -> 'input' as texts from public.cogo_tasks")
    assert [row["texts"] for row in tasks] == [["innocent"]]


async def test_a_text_that_a_document_has_lost_is_in_no_task_any_more(database: Database) -> None:
    service = await database.connect()
    await call(service, "register_index", index="outer")
    await add_document(service, ALICE, "a.md", ["the old text", "it stays"])
    await run_memory(service, MODEL)

    await add_document(service, ALICE, "a.md", ["the new text", "it stays"])

    assert await open_follow_ups(service) == []
    await run_memory(service, MODEL)
    [task] = await open_follow_ups(service)
    assert sorted(task["params"]["input"]) == ["it stays", "the new text"]


async def test_parts_of_no_whole_document_are_forgotten_by_a_prefix_and_by_time(
    database: Database,
) -> None:
    service = await database.connect()
    for source in ("notes/a.md", "notes/b.md", "other.md"):
        await add_document(service, ALICE, source, ["a part"], total=2)
    sources = "select array_agg(source order by source) from cogo.document_parts"

    await call(service, "forget_memory", owner=BOB, source="notes/*")
    assert len(await service.fetchval(sources)) == 3
    await call(service, "forget_memory", owner=ALICE, source="notes/*")
    assert await service.fetchval(sources) == ["other.md"]

    await run_memory(service)
    assert await service.fetchval(sources) == ["other.md"]
    await database.jump(timedelta(days=2))
    await run_memory(service)
    assert await service.fetchval(sources) is None


async def test_users_forget_only_what_is_theirs_in_every_place(
    database: Database, agent: Agent
) -> None:
    service = agent.connection
    alice = await database.connect("authenticated", ALICE)
    await call(alice, "forget_memory", owner=BOB, before=EVER, every_owner=True)

    left = await service.fetch("select distinct owner from public.cogo_memories")
    assert [row["owner"] for row in left] == [BOB]
    assert await service.fetchval("select array_agg(distinct owner) from cogo.memory_words") == [
        BOB
    ]
    deleted = [row["owner"] for row in await changes(service) if row["is_deleted"]]
    assert deleted == [ALICE, ALICE]
    assert UUID(int=0) not in deleted


async def claim_call(agent: Agent, task_id: UUID) -> Row:
    """Plan a task that embeds, and claim its only step."""
    lease = await claim_flow(agent, task_id)
    step = new_step("main", "call", lane=LANE)
    assert await answer(agent, hand_over(lease, step)) == ("ok", None)
    return (await claim_steps(agent, "main", lane=LANE))["main"]


async def test_what_a_call_has_been_paid_for_is_taken_though_one_text_is_forgotten(
    database: Database, agent: Agent
) -> None:
    service = agent.connection
    gone, _ = await remember(service, ALICE, "xyzzy", "innocent")
    await run_memory(service, MODEL)
    [task] = await open_follow_ups(service)
    lease = await claim_call(agent, task["id"])

    await call(service, "forget_memory", owner=ALICE, ids=[gone["id"]])
    assert (await run_memory(service, MODEL))["asked"] == 0
    texts = task["params"]["input"]
    await agent.complete(lease, output={"embeddings": [[1, len(each)] for each in texts]})
    ran = await run_memory(service, MODEL)

    assert (ran["asked"], ran["applied"]) == (0, 1)
    assert await find(service, ALICE, "innocent") == ["innocent"]
    assert await service.fetchval("select count(*) from cogo.embedding_queue") == 0
    owner = await database.connect("postgres")
    assert await holders(owner, "xyzzy") == []


async def test_a_call_that_fails_after_a_text_was_forgotten_is_not_repeated_with_it(
    database: Database, agent: Agent
) -> None:
    service = agent.connection
    gone, _ = await remember(service, ALICE, "xyzzy", "innocent")
    await run_memory(service, MODEL)
    [task] = await open_follow_ups(service)
    lease = await claim_call(agent, task["id"])
    await call(service, "forget_memory", owner=ALICE, ids=[gone["id"]])
    await agent.fail(lease, "retry")

    asked = await run_memory(service, MODEL)

    assert asked["asked"] == 1
    [left] = await open_follow_ups(service)
    assert left["params"]["input"] == ["innocent"]
    owner = await database.connect("postgres")
    assert await holders(owner, "xyzzy") == []


async def test_many_are_forgotten_in_batches_and_a_document_with_its_last_chunk(
    database: Database,
) -> None:
    service = await database.connect()
    await remember(service, ALICE, *(f"fact {number}" for number in range(5)))
    await remember(service, BOB, "of Bob")
    await add_document(service, ALICE, "a.md", [f"chunk {number}" for number in range(6)])
    everything = {"owner": ALICE, "before": EVER}

    [counted] = await call(service, "forget_memory", **everything, dry_run=True)
    batches = list[Row]()
    while not batches or batches[-1]["is_more"]:
        batches += await call(service, "forget_memory", **everything, limit=4)

    assert [row["forgotten"] for row in batches] == [4, 4, 3]
    assert sum(row["documents"] for row in batches) == counted["documents"] == 1
    assert counted["forgotten"] == 11
    left = await service.fetch("select content from public.cogo_memories")
    assert [row["content"] for row in left] == ["of Bob"]
    assert not await service.fetch("select * from public.cogo_documents")
