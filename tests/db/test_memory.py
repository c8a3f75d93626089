"""Long-term memory: what is remembered, and found by its words."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.support.sql.database import ALICE, BOB, Database
from tests.support.sql.memory import add_document, call, find, remember, search

pytestmark = pytest.mark.db

EVER = datetime(9999, 1, 1, tzinfo=UTC)


async def test_a_fact_is_remembered_once_and_found_by_its_words(database: Database) -> None:
    service = await database.connect()

    first = await remember(service, ALICE, "The gateway listens on port 8080.", "Bob likes tea.")
    again = await remember(service, ALICE, "Bob likes tea.", "Bob likes tea.", source="chat")

    assert [row["is_new"] for row in first] == [True, True]
    assert [(row["place"], row["id"], row["is_new"]) for row in again] == [
        (0, first[1]["id"], False),
        (1, first[1]["id"], False),
    ]
    [hit] = await search(service, ALICE, "Which port do gateways listen on?")
    assert (hit["id"], hit["kind"], hit["found_by"]) == (first[0]["id"], "fact", ["words"])
    assert hit["likeness"] is None
    [tea] = await search(service, ALICE, "tea")
    assert tea["source"] == "chat"


async def test_a_document_is_replaced_as_a_whole(database: Database) -> None:
    service = await database.connect()

    added = await add_document(service, ALICE, "handbook.md", ["red apples", "green pears"])
    same = await add_document(service, ALICE, "handbook.md", ["red apples", "green pears"])
    changed = await add_document(service, ALICE, "handbook.md", ["blue plums"])

    assert (added["is_new"], added["is_unchanged"], added["chunks"]) == (True, False, 2)
    assert (same["id"], same["is_new"], same["is_unchanged"]) == (added["id"], False, True)
    assert (changed["id"], changed["is_unchanged"], changed["chunks"]) == (added["id"], False, 1)
    assert await find(service, ALICE, "apples pears plums") == ["blue plums"]


async def test_a_document_that_lost_a_chunk_is_read_anew(database: Database) -> None:
    service = await database.connect()
    await add_document(service, ALICE, "a.md", ["one", "two"])
    [hit] = await search(service, ALICE, "two")

    forgotten = await call(service, "forget_memory", owner=ALICE, ids=[hit["id"]])
    again = await add_document(service, ALICE, "a.md", ["one", "two"])

    assert forgotten == [{"forgotten": 1, "documents": 0, "is_more": False}]
    assert (again["is_unchanged"], again["chunks"]) == (False, 2)
    assert await find(service, ALICE, "two") == ["two"]
    await call(service, "forget_memory", owner=ALICE, ids=[again["id"]])
    assert await service.fetchval("select count(*) from public.cogo_memories") == 0


async def test_parts_are_put_together_before_anybody_sees_them(database: Database) -> None:
    service = await database.connect()
    await add_document(service, ALICE, "long.md", ["old words"])
    sha256 = "1" * 64

    def part(first: int, *chunks: str) -> Any:
        return add_document(service, ALICE, "long.md", chunks, sha256=sha256, first=first, total=3)

    begun = await part(0, "new one")
    before = await find(service, ALICE, "old new")
    # A part that is sent again is the same part.
    await part(1, "new two")
    again = await part(1, "new two")
    assert await find(service, ALICE, "old new") == before == ["old words"]
    ended = await part(2, "new three")

    assert (begun["chunks"], again["chunks"], ended["chunks"]) == (1, 1, 3)
    assert sorted(await find(service, ALICE, "old new")) == ["new one", "new three", "new two"]
    assert (await part(0, "new one"))["is_unchanged"]
    assert await service.fetchval("select count(*) from cogo.document_parts") == 0


async def test_a_part_without_chunks_may_come_again(database: Database) -> None:
    service = await database.connect()
    given = {"sha256": "0" * 64, "total": 2}
    for _ in range(2):
        await add_document(service, ALICE, "a.md", [], first=1, **given)
    await add_document(service, ALICE, "a.md", ["first"], **given)

    last = await add_document(service, ALICE, "a.md", ["second"], first=1, **given)

    assert last["chunks"] == 2


async def test_later_parts_without_a_total_are_appended(database: Database) -> None:
    service = await database.connect()
    given: dict[str, Any] = {"sha256": "2" * 64}

    await add_document(service, None, "log.md", ["one"], **given)
    appended = await add_document(service, None, "log.md", ["two", "three"], first=1, **given)
    with pytest.raises(asyncpg.PostgresError, match="does not follow") as refused:
        await add_document(service, None, "log.md", ["nine"], first=9, **given)

    assert refused.value.sqlstate == "TQ003"
    assert appended["chunks"] == 3
    assert await find(service, None, "two") == ["two"]


async def test_kinds_and_sources_limit_what_is_found(database: Database) -> None:
    service = await database.connect()
    await remember(service, ALICE, "apples as a fact", source="chat")
    for source in ("notes/a.md", "notes/b_1.md", "notesx.md", "b%.md"):
        await add_document(service, ALICE, source, [f"apples in {source}"])

    async def sources(*named: str, **more: Any) -> set[str]:
        hits = await search(service, ALICE, "apples", sources=list(named) or None, **more)
        return {hit["source"] for hit in hits}

    assert await sources("notes/*") == {"notes/a.md", "notes/b_1.md"}
    assert await sources("facts") == {"chat"}
    assert await sources("documents", kinds=["fact"]) == set()
    assert len(await sources("documents")) == 4
    assert await sources("facts", "b%.md") == {"chat", "b%.md"}
    assert await sources("b%*") == {"b%.md"}
    assert await sources("notes/b?1.md", "notes_*", "'; drop table x; --") == set()
    assert await sources(kinds=["chunk"]) == await sources("documents")


async def test_nobody_finds_or_changes_what_belongs_to_another(database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)
    bob = await database.connect("authenticated", BOB)
    service = await database.connect()
    for who, owner in ((alice, ALICE), (bob, BOB), (service, None)):
        # Whose it is is not for a user to say.
        named = owner if owner is None else BOB
        await remember(who, named, f"a secret of {owner}")
        await add_document(who, named, "same.md", [f"a secret page of {owner}"])
        await add_document(who, named, "parts.md", ["a half"], total=2)

    for who, owner in ((alice, ALICE), (bob, BOB), (service, None)):
        found = await find(who, ALICE if owner else None, "secret")
        assert sorted(found) == [f"a secret of {owner}", f"a secret page of {owner}"]
    theirs = await service.fetch("select id from public.cogo_memories where owner = $1", BOB)
    documents = await service.fetch("select id from public.cogo_documents where owner = $1", BOB)
    ids = [row["id"] for row in (*theirs, *documents)]
    for given in ({"ids": ids}, {"owner": BOB, "ids": ids}, {"ids": ids, "every_owner": True}):
        [answer] = await call(alice, "forget_memory", **given)
        assert (answer["forgotten"], answer["documents"]) == (0, 0)

    await call(alice, "forget_memory", source="same.md", every_owner=True)
    assert await find(alice, None, "secret") == [f"a secret of {ALICE}"]
    assert len(await find(bob, None, "secret")) == 2
    await call(bob, "forget_memory", before=EVER)
    assert await find(bob, None, "secret") == []
    left = await service.fetch("select distinct owner::text from cogo.document_parts order by 1")
    assert [row["owner"] for row in left] == [str(UUID(int=0)), str(ALICE)]
