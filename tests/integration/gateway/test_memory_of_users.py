"""Users with tokens of Supabase: each reads, searches and forgets only their own, by every way."""

import httpx

from embedded.state import State
from tests.integration.gateway.conftest import OpenEdge
from tests.support.accounts import an_email, connected, sign_up
from tests.support.mcp.clients import call, open_mcp

SECRET = "the blue vault of Ada"


async def sign_in(project: State) -> dict[str, str]:
    """Make an account; return the header with its token."""
    async with connected(project.url, project.publishable_key) as client:
        await sign_up(client, an_email())
        session = await client.auth.get_session()
    assert session is not None
    return {"Authorization": f"Bearer {session.access_token}"}


async def test_a_second_user_reaches_nothing_of_the_first(
    opened_edge: OpenEdge, project: State
) -> None:
    hers, his = [await sign_in(project) for _ in range(2)]
    async with (
        opened_edge(is_keyless=False) as edge,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(edge), base_url="http://127.0.0.1:8000"
        ) as gateway,
        httpx.AsyncClient(base_url=project.url) as rest,
    ):
        body = {"source": "a.md", "text": SECRET}
        document = (await gateway.post("/memory/documents", json=body, headers=hers)).json()["id"]
        facts = {"facts": [{"content": f"A fact: {SECRET}"}]}
        kept = await gateway.post("/memory/facts", json=facts, headers=hers)
        fact = kept.json()["facts"][0]["id"]
        owner = (await gateway.get(f"/memory/{fact}", headers=hers)).json()["owner"]

        answers = [
            await gateway.get("/memory/documents", headers=his),
            await gateway.get("/memory/facts", headers=his),
            await gateway.post(
                "/memory/search", json={"query": "vault", "words": True}, headers=his
            ),
            await gateway.post("/memory/forget", json={"before": "infinity"}, headers=his),
            await gateway.post("/memory/forget", json={"ids": [fact, document]}, headers=his),
            await gateway.get("/memory/status", headers=his),
        ]
        refused = [
            await gateway.get(f"/memory/{fact}", headers=his),
            await gateway.get(f"/memory/documents/{document}", headers=his),
            await gateway.delete(f"/memory/{fact}", headers=his),
            await gateway.delete(f"/memory/{document}", headers=his),
            await gateway.get(f"/memory/facts?owner={owner}", headers=his),
            await gateway.post(
                f"/memory/forget?owner={owner}", json={"before": "infinity"}, headers=his
            ),
        ]
        async with open_mcp(edge, his) as mcp:
            by_mcp = await call(mcp, "search_memory", query="vault", words=True)
        keys = {"apikey": project.publishable_key} | his
        rows = [
            (await rest.get(f"/rest/v1/{each}?select=*", headers=keys)).json()
            for each in ("cogo_memories", "cogo_documents")
        ]
        calls = {
            "cogo_search_memory": {"p_owner": owner, "p_query": "vault"},
            "cogo_forget_memory": {
                "p_owner": owner, "p_every_owner": True, "p_before": "infinity", "p_limit": 100000,
            },
            "cogo_memory_status": {"p_owner": owner, "p_every_owner": True},
        }  # fmt: skip
        told = {
            name: (await rest.post(f"/rest/v1/rpc/{name}", json=given, headers=keys)).json()
            for name, given in calls.items()
        }
        left = await gateway.post(
            "/memory/search", json={"query": "vault", "words": True}, headers=hers
        )

    assert [each.status_code for each in answers] == [200] * len(answers)
    assert {each.status_code for each in refused} == {403, 404}
    assert by_mcp["hits"] == []
    assert rows == [[], []]
    assert told["cogo_search_memory"] == []
    assert told["cogo_forget_memory"] == [{"forgotten": 0, "documents": 0, "is_more": False}]
    assert (told["cogo_memory_status"][0]["facts"], told["cogo_memory_status"][0]["chunks"]) == (
        0,
        0,
    )
    everything = " ".join(each.text for each in (*answers, *refused)) + str((by_mcp, rows, told))
    assert SECRET not in everything
    assert len(left.json()["hits"]) == 2
