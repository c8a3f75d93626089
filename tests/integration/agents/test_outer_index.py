"""Memory in an outer index: agents, HTTP, MCP and the command line search through it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from agents.fetching import AllowList, Fetcher
from agents.memory.index_sync import sync_index_regularly
from agents.tools.own import build_own_tools
from cogo.cli.app import run
from cogo.config.connection import Connection
from cogo.config.context import Project
from cogo.wiring.gateway import open_services
from cogo.wiring.memory.index import open_vector_index
from gateway.app import create_app
from gateway.metrics import GatewayMetrics
from gateway.middleware import EdgeMiddleware
from gateway.options import GatewayOptions
from protocol.records.memory import NewFact
from tests.integration.agents.conftest import Fleet
from tests.support.eventually import eventually
from tests.support.mcp.clients import call, open_mcp
from tests.support.stores.pinecone_server import KEY, PineconeServer, pinecone_server
from tests.support.stores.weaviate_server import WeaviateServer, weaviate_server

DIMENSIONS = 1536


@dataclass(slots=True, kw_only=True)
class Outer:
    """The server of an outer index."""

    server: PineconeServer | WeaviateServer

    def list_questions(self) -> list[str]:
        """Return the owners for whom something was searched."""
        if isinstance(self.server, PineconeServer):
            return [body["namespace"] for path, body in self.server.requests if path == "/query"]
        return [body.tenant for name, body in self.server.requests if name == "Search"]


@pytest.fixture(params=["pinecone", "weaviate"])
async def outer(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Outer]:
    """Run a server and name it in the settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COGO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COGO_CATALOGUE", str(tmp_path / "mine.toml"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(f'[memory]\nindex = "{request.param}"\n')
    if request.param == "pinecone":
        async with pinecone_server(dimension=DIMENSIONS) as server:
            monkeypatch.setenv("PINECONE_API_KEY", KEY)
            monkeypatch.setenv("PINECONE_INDEX", server.url)
            yield Outer(server=server)
        return
    async with weaviate_server() as other:
        monkeypatch.setenv("WEAVIATE_API_KEY", KEY)
        monkeypatch.setenv("WEAVIATE_URL", other.url)
        monkeypatch.setenv("WEAVIATE_GRPC_URL", other.grpc_url)
        yield Outer(server=other)


@asynccontextmanager
async def running(fleet: Callable[[], Any]) -> AsyncIterator[Fleet]:
    """Run agents with the index, and bring changes of memory to it."""
    own = build_own_tools(checks=None, fetcher=Fetcher(AllowList()))
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(fleet())
        index = await stack.enter_async_context(open_vector_index(Project.find()))
        assert index is not None
        await opened.executor(
            "executor-1", own=own, index=index, embedding_capacity=4, memory_capacity=4,
            tool_capacity=4, list_tools=lambda: own.names,
        )  # fmt: skip
        await opened.orchestrator()
        group = await stack.enter_async_context(asyncio.TaskGroup())
        sync = group.create_task(sync_index_regularly(opened.store, index, agent_id="cio-1"))
        stack.callback(sync.cancel)
        yield opened


@asynccontextmanager
async def open_edge(fleet: Fleet) -> AsyncIterator[EdgeMiddleware]:
    """Open a gateway that accepts requests without a key."""
    server = fleet.server
    connection = Connection(
        url=server.url,
        secret_key=SecretStr(server.secret_key),
        publishable_key=server.publishable_key,
        is_embedded=True,
    )
    options, metrics = GatewayOptions(is_loopback=True, is_keyless=True), GatewayMetrics()
    opening = partial(open_services, Project.find(), connection, options, metrics)
    edge = create_app(opening, options, metrics)
    async with edge.lifespan():
        yield edge


async def remember(fleet: Fleet, outer: Outer, owner: UUID | None, *texts: str) -> list[UUID]:
    """Remember facts, and wait until the index has their vectors."""
    facts = [NewFact(content=each) for each in texts]
    kept = await fleet.store.remember(owner=owner, facts=facts)
    name = "operators" if owner is None else str(owner)
    await eventually(lambda: outer.server.count(name) == len(texts), within=60)
    return [each.id for each in sorted(kept, key=lambda one: one.place)]


def find_likely(hits: Sequence[dict[str, Any]]) -> list[str]:
    """Return what vectors have found."""
    return [each["content"] for each in hits if "vectors" in each["found_by"]]


async def test_every_surface_asks_the_outer_index(
    fleet: Callable[[], Any],
    outer: Outer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ada, number = uuid4(), uuid4()  # other tests have lost the vectors of their texts
    texts = (f"The vault {number} is blue.", f"Trains of {number} leave at nine.")
    async with running(fleet) as opened, open_edge(opened) as edge:
        await remember(opened, outer, ada, *texts)
        await remember(opened, outer, None, *texts)
        # Postgres forgets its vectors: what is found by them now, the index has found.
        await forget_vectors(opened)
        http = httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://127.0.0.1")
        async with http as client:
            body = {"query": "vault"}
            answer = await client.post(f"/memory/search?owner={ada}", json=body)
        async with open_mcp(edge) as client:
            by_mcp = await call(client, "search_memory", query="vault")
        monkeypatch.setenv("SUPABASE_URL", opened.server.url)
        monkeypatch.setenv("SUPABASE_SECRET_KEY", opened.server.secret_key)
        code = await asyncio.to_thread(
            run, ["memory", "search", "vault", "--owner", str(ada), "--json"]
        )
        by_command = json.loads(capsys.readouterr().out)
        tools = {"tools": ["cogo:search_memory"]}
        task = await opened.submit(
            "vault? [[call:search_memory]]", owner=ada, type="CHAT", params=tools
        )
        row = await opened.ended(task.id)

    found = answer.json()
    assert answer.status_code == 200, found
    assert code == 0
    for each in (found, by_mcp, by_command):
        assert {*find_likely(each["hits"])} == {*texts}, each
        assert each["notes"] == []
    assert texts[0] in str(row.result)
    assert outer.list_questions() == [str(ada), "operators", str(ada), str(ada)]


async def test_without_an_answer_of_the_index_every_surface_says_so(
    fleet: Callable[[], Any], outer: Outer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = uuid4()
    async with running(fleet) as opened:
        await remember(opened, outer, bob, "Bob likes tea.")
        if isinstance(outer.server, PineconeServer):
            outer.server.answer = {"matches": 7}
        else:
            outer.server.is_failing = True
        async with open_edge(opened) as edge:
            http = httpx.ASGITransport(edge)
            async with httpx.AsyncClient(transport=http, base_url="http://127.0.0.1") as client:
                path = f"/memory/search?owner={bob}"
                found = (await client.post(path, json={"query": "tea"})).json()
                # A gateway without the keys of the index searches on.
                for name in ("PINECONE_INDEX", "WEAVIATE_URL"):
                    monkeypatch.delenv(name, raising=False)
            async with open_edge(opened) as other:
                http = httpx.ASGITransport(other)
                async with httpx.AsyncClient(transport=http, base_url="http://127.0.0.1") as client:
                    unset = (await client.post(path, json={"query": "tea"})).json()

    for each in (found, unset):
        assert find_likely(each["hits"]) == ["Bob likes tea."]
    assert "did not answer" in found["notes"][0]
    assert "The outer index was not asked: " in unset["notes"][0]


async def forget_vectors(fleet: Fleet) -> None:
    """Delete the vectors that Postgres has, as if pgvector had been installed anew."""
    connection = await asyncpg.connect(fleet.server.db_url)
    try:
        tables = await connection.fetch(
            "select oid::regclass::text as name from pg_class"
            " where relkind = 'r' and relname ~ '^memory_vectors_[0-9]+$'"
        )
        for each in tables:
            await connection.execute(f"delete from {each['name']}")  # noqa: S608
    finally:
        await connection.close()
