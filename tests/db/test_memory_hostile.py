"""Values that may be wrong, huge or hostile."""

from typing import Any

import asyncpg
import pytest

from tests.support.sql.agent import Agent
from tests.support.sql.database import ALICE, BOB, Connection, Database
from tests.support.sql.memory import (
    add_document,
    call,
    embed,
    find,
    remember,
    run_memory,
    search,
)

pytestmark = pytest.mark.db

MODEL = "m"
CHUNK = {"content": "a chunk"}
SHA256 = "0" * 64


async def refusal(who: Connection, function: str, **arguments: Any) -> str:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await call(who, function, **arguments)
    return str(refused.value.sqlstate)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "TQ004"),
        ("text", "TQ004"),
        ([1], "TQ004"),
        ([{"content": 1}], "TQ004"),
        ([{"content": " \n"}], "TQ004"),
        ([{"source": "x"}], "TQ004"),
        ([{"content": "x" * 65537}], "TQ008"),
        ([{"content": "x", "source": "s" * 4097}], "TQ008"),
        ([{"content": "x"}] * 1001, "TQ008"),
        ([{"content": "x", "happened_at": "yesterday's dinner"}], "TQ004"),
        ([{"content": "x", "happened_at": "infinity"}], "TQ009"),
        ([{"content": "a\x00b"}], "22P05"),
    ],
)
async def test_facts_that_cannot_be_kept_are_refused(
    database: Database, facts: object, state: str
) -> None:
    alice = await database.connect("authenticated", ALICE)

    assert await refusal(alice, "remember", owner=ALICE, facts=facts) == state
    assert await alice.fetchval("select count(*) from public.cogo_memories") == 0


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"source": " "}, "TQ004"),
        ({"source": None}, "TQ004"),
        ({"source": "s" * 1025}, "TQ008"),
        ({"title": "t" * 4097}, "TQ008"),
        ({"sha256": "'; drop table x"}, "TQ004"),
        ({"chunks": None}, "TQ004"),
        ({"chunks": [CHUNK] * 5001}, "TQ008"),
        ({"chunks": [CHUNK | {"heading": "h" * 4097}]}, "TQ008"),
        ({"metadata": []}, "TQ004"),
        ({"metadata": {"a": "x" * 65536}}, "TQ008"),
        ({"first": -1}, "TQ004"),
        ({"first": 2_147_483_647}, "TQ008"),
        ({"total": 50_001}, "TQ008"),
        ({"first": 1}, "TQ003"),
    ],
)
async def test_documents_that_cannot_be_kept_are_refused(
    database: Database, changed: dict[str, Any], state: str
) -> None:
    alice = await database.connect("authenticated", ALICE)
    given = {"source": "a.md", "title": None, "sha256": SHA256, "chunks": [CHUNK]} | changed

    assert await refusal(alice, "add_document", owner=ALICE, **given) == state
    assert await alice.fetchval("select count(*) from public.cogo_documents") == 0


async def test_odd_places_and_ids_are_left_out(database: Database) -> None:
    service = await database.connect()
    await remember(service, ALICE, "odd", task_id="no uuid", session_id={"a": 1})
    given = {"source": "a.md", "title": None, "sha256": SHA256}
    odd = [CHUNK | {"start": "-1", "end": 1e300}]

    await call(service, "add_document", owner=ALICE, chunks=odd, **given)

    rows = await service.fetch(
        "select task_id, session_id, char_start, char_end from public.cogo_memories"
    )
    assert {tuple(row) for row in rows} == {(None, None, None, None)}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "' | !( & :* <-> \\ '' \"",
        "needle & !needle | 'needle':*A <2147483647> needle",
        "%s %L $1 needle; drop table public.cogo_memories; --",
        "needle " * 150_000,
        "".join(f"w{number} " for number in range(100_000)) + "needle",
        "\N{PILE OF POO}" * 1000 + " needle \u202e\u0000".replace("\u0000", ""),
        "x" * 1_000_000,
    ],
    ids=["empty", "signs", "tsquery", "format", "1 MB", "many words", "unicode", "one word"],
)
async def test_any_query_finds_something_or_nothing(database: Database, query: str) -> None:
    alice = await database.connect("authenticated", ALICE)
    await remember(alice, ALICE, "a needle in %s hay's \\ stack", "another text")
    await add_document(alice, ALICE, "%L $1.md", ["straw " * 10_000 + " needle"])

    assert set(await find(alice, ALICE, query, sources=["facts", "%L*", "''\\", "*"])) <= {
        "a needle in %s hay's \\ stack",
        "straw " * 10_000 + " needle",
    }
    assert await alice.fetchval("select count(*) from public.cogo_memories") == 3


async def test_words_of_a_megabyte_and_of_every_script_are_kept(database: Database) -> None:
    service = await database.connect()
    long = "x" * 65_536
    signs = "".join(chr(0x4E00 + number) for number in range(20_000))
    many = " ".join(f"w{number}" for number in range(9_000))

    await remember(service, ALICE, long, signs, many, "東京の天気は晴れです", "ราคาน้ำมัน")
    assert await find(service, ALICE, "東京 天気") != []
    assert (await find(service, ALICE, "น้ำมัน"))[0] == "ราคาน้ำมัน"
    assert await find(service, ALICE, "w8999") == [many]
    assert await find(service, ALICE, None, limit=-1) == []  # type: ignore[arg-type]
    assert len(await find(service, ALICE, "w1 x", limit=2**31 - 1)) == 1


@pytest.mark.parametrize(
    ("vector", "state"),
    [
        ([1.0, float("nan")], "TQ004"),
        ([1.0, float("inf")], "TQ004"),
        ([1.0, None], "TQ004"),
        ([[1.0, 2.0], [3.0, 4.0]], "TQ004"),
        ([], "TQ004"),
        ([0.0, 0.0], None),
        ([1.0] * 3, None),
        ([1.0] * 20_000, None),
        ([3e38, -3e38], None),
        ([1e-38, 1e-38], None),
    ],
)
async def test_any_vector_is_compared_or_refused(
    database: Database, vector: Any, state: str | None
) -> None:
    agent = Agent(await database.connect())
    service = agent.connection
    await remember(service, ALICE, "north")
    await run_memory(service, MODEL)
    await embed(agent, {"north": [3e38, 3e38]})
    await run_memory(service, MODEL)
    given = {"owner": ALICE, "query": "north", "vector": vector, "model_id": MODEL}

    if state is None:
        assert [hit["content"] for hit in await call(service, "search_memory", **given)] == [
            "north"
        ]
    else:
        assert await refusal(service, "search_memory", **given) == state


async def test_candidates_of_an_outer_index_are_judged(database: Database) -> None:
    service = await database.connect()
    [north] = await remember(service, ALICE, "north")
    [south] = await remember(service, BOB, "south")
    given: list[Any] = [
        {"id": str(south["id"]), "likeness": 1},
        {"id": str(north["id"]), "likeness": 0.5},
        {"id": str(north["id"]), "likeness": "high"},
        {"id": str(north["id"]), "likeness": 1e300},
        {"id": "'; drop table x", "likeness": 1},
        {"likeness": []},
        7,
        None,
    ]

    [hit] = await search(service, ALICE, "", candidates=given)
    assert (hit["content"], hit["likeness"], hit["found_by"]) == ("north", 0.5, ["vectors"])
    assert await search(service, ALICE, "", candidates=given, kinds=["chunk"]) == []
    [both] = await search(service, ALICE, "north", candidates=given)
    assert both["found_by"] == ["words", "vectors"]
    assert both["score"] > hit["score"]
    refused = await refusal(service, "search_memory", owner=ALICE, query="", candidates={})
    assert refused == "TQ004"
