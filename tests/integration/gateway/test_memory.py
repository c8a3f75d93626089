"""Memory over HTTP: documents, facts and searches of two owners, on a project without agents."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.integration.gateway.keys import a_key

ADA, BOB = uuid4(), uuid4()
TEXT = "# Handbook\n\nA refund is paid within 14 days."


async def add(client: httpx.AsyncClient, headers: dict[str, str], text: str = TEXT) -> Any:
    body = {"source": "handbook.md", "text": text}
    answer = await client.post("/memory/documents", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def search(client: httpx.AsyncClient, headers: dict[str, str], **body: Any) -> Any:
    asked = {"query": "refund", "words": True} | body
    answer = await client.post("/memory/search", json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_documents_and_facts_are_stored_found_and_forgotten(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    key = await a_key(store, "tasks:read", "tasks:write", owner=str(ADA))
    async with opened(is_keyless=False) as client:
        first, again = await add(client, key), await add(client, key)
        facts = {"facts": [{"content": "Refunds go to Ada.", "source": "Bob"}]}
        kept = (await client.post("/memory/facts", json=facts, headers=key)).json()["facts"]
        found = (await search(client, key))["hits"]
        only = (await search(client, key, sources=["facts"]))["hits"]
        listed = (await client.get("/memory/documents", headers=key)).json()
        told = (await client.get(f"/memory/documents/{first['id']}", headers=key)).json()
        fact = (await client.get(f"/memory/{kept[0]['id']}", headers=key)).json()
        status = (await client.get("/memory/status", headers=key)).json()
        dry = {"source": "hand*", "dry_run": True}
        counted = (await client.post("/memory/forget", json=dry, headers=key)).json()
        gone = (await client.delete(f"/memory/{first['id']}", headers=key)).json()
        left = (await search(client, key))["hits"]

    assert (first["is_new"], first["chunks"], again["is_unchanged"]) == (True, 1, True)
    assert {each["source"] for each in found} == {"handbook.md", "Bob"}
    assert [each["content"] for each in only] == ["Refunds go to Ada."]
    assert [each["source"] for each in listed["documents"]] == ["handbook.md"]
    assert told["chunks"][0]["content"] == TEXT
    assert fact["content"] == "Refunds go to Ada."
    assert (status["documents"], status["facts"], status["waiting"]) == (1, 1, 2)
    assert counted == gone == {"forgotten": 1, "documents": 1}
    assert [each["kind"] for each in left] == ["fact"]


async def test_nothing_crosses_owners(opened: OpenGateway, store: SupabaseStore) -> None:
    keys = {
        owner: await a_key(store, "tasks:read", "tasks:write", owner=str(owner))
        for owner in (ADA, BOB)
    }
    admin = await a_key(store, "admin")
    async with opened(is_keyless=False) as client:
        added = {owner: await add(client, keys[owner], f"A refund of {owner}") for owner in keys}
        for owner, other in ((ADA, BOB), (BOB, ADA)):
            mine, theirs = keys[owner], added[other]["id"]
            hits = (await search(client, mine))["hits"]
            assert [each["content"] for each in hits] == [f"A refund of {owner}"]
            chunk = (await search(client, keys[other]))["hits"][0]["id"]
            for path in (f"/memory/documents/{theirs}", f"/memory/{chunk}"):
                assert (await client.get(path, headers=mine)).status_code == 404
            refused = await client.get("/memory/documents?owner=" + str(other), headers=mine)
            assert refused.status_code == 403
            gone = await client.delete(f"/memory/{theirs}", headers=mine)
            assert (gone.status_code, gone.json()["code"]) == (404, "TQ002")
        named = await client.get(f"/memory/documents?owner={BOB}", headers=admin)
        own = await client.get("/memory/documents", headers=admin)

    assert [UUID(each["owner"]) for each in named.json()["documents"]] == [BOB]
    assert own.json()["documents"] == []


async def test_a_search_says_why_it_was_by_words_alone(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    reader = await a_key(store, "tasks:read")
    async with opened(is_keyless=False) as client:
        by_reader = await search(client, reader, words=False)
        writer = await a_key(store, "tasks:read", "tasks:write")
        by_writer = await search(client, writer, words=False)

    assert "tasks:write" in by_reader["notes"][0]
    assert "no executor serves an embedding model" in by_writer["notes"][0]


async def test_pages_go_on_where_the_last_one_ended(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    async with opened() as client:
        for number in range(5):
            body = {"source": f"{number}.md", "text": "text"}
            await client.post("/memory/documents", json=body)
        facts = [{"content": f"Fact {number}."} for number in range(5)]
        await client.post("/memory/facts", json={"facts": facts})
        for kind, name in (("documents", "source"), ("facts", "content")):
            seen: list[str] = []
            after: dict[str, Any] = {}
            while True:
                page = (await client.get(f"/memory/{kind}", params={"limit": 2} | after)).json()
                seen += [each[name] for each in page[kind]]
                if page["next"] is None:
                    break
                after = {"after": page["next"]}
            assert len(seen) == len(set(seen)) == 5


async def test_the_chunks_of_a_document_are_read_from_its_beginning_in_pages(
    opened: OpenGateway,
) -> None:
    text = "\n\n".join(f"# Part {number}\n\n{'word ' * 250}" for number in range(5))
    async with opened() as client:
        body = {"source": "long.md", "text": text}
        added = (await client.post("/memory/documents", json=body)).json()
        path, seen = f"/memory/documents/{added['id']}", list[Any]()
        page: dict[str, Any] = {"next": 0}
        while page["next"] is not None:
            params = {"limit": 2, "first": page["next"]}
            page = (await client.get(path, params=params)).json()
            seen += page["chunks"]

    assert [each["place"] for each in seen] == list(range(5))
    assert [each["heading"] for each in seen] == [f"Part {number}" for number in range(5)]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("documents", {"source": "a.md"}, 400),
        ("documents", {"source": "a.md", "text": " \n"}, 400),
        ("documents", {"source": "", "text": "x"}, 400),
        ("documents", {"source": "a.pdf", "text": "%PDF-1.7 é"}, 400),
        ("facts", {"facts": []}, 400),
        ("facts", {"facts": [{"content": "x" * 30_000}]}, 400),
        ("search", {"query": ""}, 400),
        ("search", {"query": " \n"}, 400),
        ("search", {"query": "x", "limit": 1000}, 400),
        ("forget", {}, 400),
        ("forget", {"ids": []}, 400),
        ("forget", {"before": "yesterday"}, 400),
    ],
)
async def test_what_is_wrong_is_refused(
    opened: OpenGateway, path: str, body: dict[str, Any], status: int
) -> None:
    async with opened() as client:
        answer = await client.post(f"/memory/{path}", json=body)

    assert answer.status_code == status, answer.text
    assert "p_" not in answer.text  # names of SQL
