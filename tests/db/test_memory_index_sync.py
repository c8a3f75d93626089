"""From what is remembered to an outer index and back: outbox, loop and client together."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from agents.memory.index import IndexUnavailable
from agents.memory.index_sync import IndexSync
from agents.memory.pinecone import PineconeIndex
from protocol.records.memory import MemoryRow, VectorChange
from tests.support.sql.agent import Agent
from tests.support.sql.database import ALICE, BOB, Connection, Database
from tests.support.sql.memory import call, embed, remember, run_memory, search
from tests.support.stores.pinecone_server import KEY, PineconeServer, pinecone_server

pytestmark = pytest.mark.db

MODEL = "text-embedding-3-small"
VECTORS = {
    "north": [0.0, 1, 0, 0],
    "north-east": [1.0, 1, 0, 0],
    "east": [1.0, 0, 0, 0],
    "south": [0.0, -1, 0, 0],
}


class SqlStore:
    """What the loop needs, over a connection as agents have it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def register_index(self, *, index: str) -> None:
        await call(self._connection, "register_index", index=index)

    async def list_vector_changes(
        self, *, index: str, limit: int, agent_id: str
    ) -> list[VectorChange]:
        given = {"index": index, "limit": limit, "agent_id": agent_id}
        rows = await call(self._connection, "list_vector_changes", **given)
        return [VectorChange.model_validate(row) for row in rows]

    async def confirm_vector_changes(
        self,
        *,
        index: str,
        through: int,
        agent_id: str,
        refused: Sequence[int] = (),
        problem: str = "",
    ) -> bool:
        given = {"index": index, "through": through, "agent_id": agent_id}
        given |= {"refused": [*refused], "problem": problem}
        [row] = await call(self._connection, "confirm_vector_changes", **given)
        return bool(row["cogo_confirm_vector_changes"])

    async def fetch_memories(self, *, limit: int, owner: UUID | None = None) -> list[MemoryRow]:
        rows = await self._connection.fetch(
            "select id, seq, owner, kind, content, created_at from public.cogo_memories"
            " where owner is not distinct from $1 limit $2",
            owner,
            limit,
        )
        return [MemoryRow.model_validate(dict(row)) for row in rows]


@pytest.fixture
async def server() -> AsyncIterator[PineconeServer]:
    async with pinecone_server() as given:
        yield given


@pytest.fixture
async def index(server: PineconeServer) -> AsyncIterator[PineconeIndex]:
    given = PineconeIndex(api_key=KEY, index=server.url)
    yield given
    await given.close()


@pytest.fixture
async def agent(database: Database) -> Agent:
    return Agent(await database.connect())


async def remember_with_vectors(agent: Agent, owner: UUID | None, *facts: str) -> list[UUID]:
    """Remember facts, and let a model turn them into vectors; return their ids."""
    rows = await remember(agent.connection, owner, *facts)
    await run_memory(agent.connection, MODEL)
    await embed(agent, VECTORS)
    await run_memory(agent.connection, MODEL)
    return [row["id"] for row in rows]


async def find(
    agent: Agent, index: PineconeIndex, owner: UUID | None, direction: str
) -> list[tuple[str, float | None]]:
    """Search as agents do: the index finds, and the database reads."""
    vector = VECTORS[direction]
    near = await index.query(owner, vector, 10, model_id=MODEL)
    candidates = [{"id": str(each.id), "likeness": each.likeness} for each in near]
    hits = await search(
        agent.connection, owner, "", model_id=MODEL, candidates=candidates, limit=10
    )
    return [(hit["content"], hit["likeness"]) for hit in hits]


async def test_what_is_remembered_is_found_by_the_index_and_forgotten_there(
    agent: Agent, server: PineconeServer, index: PineconeIndex
) -> None:
    sync = IndexSync(SqlStore(agent.connection), index, agent_id="cio-1")
    assert not await sync.run()
    north, east = await remember_with_vectors(agent, ALICE, "north", "east")
    await remember_with_vectors(agent, BOB, "south")
    await remember_with_vectors(agent, None, "north-east")

    await sync.run()

    assert set(server.namespaces[str(ALICE)]) == {str(north), str(east)}
    assert [server.count(each) for each in (str(ALICE), str(BOB), "operators")] == [2, 1, 1]
    found = await find(agent, index, ALICE, "north")
    assert [content for content, _ in found] == ["north", "east"]
    assert found[0][1] == pytest.approx(1.0)
    [(content, likeness)] = await find(agent, index, BOB, "north")
    assert content == "south"
    assert likeness == pytest.approx(-1.0)

    await call(agent.connection, "forget_memory", owner=ALICE, ids=[north])
    assert [content for content, _ in await find(agent, index, ALICE, "north")] == ["east"]
    await sync.run()
    assert set(server.namespaces[str(ALICE)]) == {str(east)}

    await call(agent.connection, "forget_memory", owner=ALICE, kind="fact")
    await sync.run()
    assert str(ALICE) not in server.namespaces  # not even its name is left
    assert server.count(str(BOB)) == 1


async def test_ids_of_another_owner_find_nothing_whatever_the_index_says(
    agent: Agent, index: PineconeIndex, server: PineconeServer
) -> None:
    sync = IndexSync(SqlStore(agent.connection), index, agent_id="cio-1")
    await sync.run()
    [theirs] = await remember_with_vectors(agent, BOB, "south")
    await remember_with_vectors(agent, ALICE, "north")
    await sync.run()
    mixed: list[Any] = [
        {"id": str(each), "score": 0.99, "values": []} for each in (theirs, uuid4())
    ]
    server.answer = {"matches": mixed, "namespace": str(ALICE)}

    assert await find(agent, index, ALICE, "south") == []


async def test_an_agent_that_dies_before_it_confirms_costs_a_repetition(
    agent: Agent, server: PineconeServer, index: PineconeIndex
) -> None:
    store = SqlStore(agent.connection)
    await IndexSync(store, index, agent_id="cio-1").run()
    [id_] = await remember_with_vectors(agent, ALICE, "north")
    changes = await store.list_vector_changes(index=index.name, limit=10, agent_id="cio-1")
    assert [each.id for each in changes] == [id_]  # and then it is killed

    assert not await IndexSync(store, index, agent_id="cio-2").run()
    assert server.count(str(ALICE)) == 0  # while the lease of the dead one lasts
    await agent.connection.execute("update cogo.vector_indexes set lease_expires_at = '-infinity'")
    await IndexSync(store, index, agent_id="cio-2").run()

    assert server.count(str(ALICE)) == 1
    assert not await store.confirm_vector_changes(
        index=index.name, through=changes[-1].seq, agent_id="cio-1"
    )
    assert await store.list_vector_changes(index=index.name, limit=10, agent_id="cio-2") == []


async def test_what_was_there_before_the_index_is_brought_to_it(
    agent: Agent, server: PineconeServer, index: PineconeIndex
) -> None:
    store = SqlStore(agent.connection)
    await store.register_index(index="pinecone:of-before")
    await remember_with_vectors(agent, ALICE, "north", "south")

    await IndexSync(store, index, agent_id="cio-1").run()

    assert server.count(str(ALICE)) == 2


async def test_an_index_that_was_removed_is_filled_anew(
    agent: Agent, server: PineconeServer, index: PineconeIndex
) -> None:
    sync = IndexSync(SqlStore(agent.connection), index, agent_id="cio-1")
    await sync.run()
    await remember_with_vectors(agent, ALICE, "north", "south")
    await sync.run()
    server.lose()

    await agent.connection.execute("delete from cogo.vector_indexes")
    with pytest.raises(asyncpg.PostgresError, match="register it first"):
        await sync.run()
    await sync.run()

    assert server.count(str(ALICE)) == 2


async def test_a_change_of_the_last_moment_is_not_confirmed_away(
    agent: Agent, server: PineconeServer, index: PineconeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqlStore(agent.connection)
    sync = IndexSync(store, index, agent_id="cio-1")
    await sync.run()
    [id_] = await remember_with_vectors(agent, ALICE, "north")
    upsert = index.upsert

    async def forget_meanwhile(*given: Any) -> None:
        await upsert(*given)
        await call(agent.connection, "forget_memory", owner=ALICE, ids=[id_])

    monkeypatch.setattr(index, "upsert", forget_meanwhile)
    await sync.run()
    assert server.count(str(ALICE)) == 1

    await sync.run()

    assert server.count(str(ALICE)) == 0


async def test_a_refused_deletion_stays_due_and_is_shown(
    agent: Agent, server: PineconeServer, index: PineconeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = agent.connection
    sync = IndexSync(SqlStore(connection), index, agent_id="cio-1")
    await sync.run()
    [north, _] = await remember_with_vectors(agent, ALICE, "north", "east")
    await sync.run()
    delete = index.delete

    async def refuse(owner: UUID | None, ids: Sequence[UUID]) -> None:
        if north in ids:
            raise IndexUnavailable("403: frozen")
        await delete(owner, ids)

    monkeypatch.setattr(index, "delete", refuse)
    await call(connection, "forget_memory", owner=ALICE, ids=[north])
    for tries in range(1, 8):
        await sync.run()
        await sync.run()  # it is not due again at once
        [row] = await connection.fetch("select * from cogo.vector_changes")
        assert (row["memory_id"], row["tries"], row["error"]) == (north, tries, "403: frozen")
        wait = row["due_at"] - row["created_at"]
        assert timedelta(seconds=50) < wait <= timedelta(minutes=61)
        [status] = await call(connection, "memory_status", owner=ALICE)
        assert (status["index_refused"], status["index_error"]) == (1, "403: frozen")
        await remember_with_vectors(agent, BOB, "south")
        await sync.run()
        assert server.count(str(BOB)) == 1  # others do not wait
        await connection.execute("update cogo.vector_changes set due_at = '-infinity'")
    monkeypatch.undo()
    await sync.run()

    assert str(north) not in server.namespaces[str(ALICE)]
    assert not await connection.fetch("select * from cogo.vector_changes")
    [status] = await call(connection, "memory_status", owner=ALICE)
    assert (status["index_waiting"], status["index_refused"]) == (0, 0)
