"""The slot of postgres_changes exists while there are subscriptions, and is recreated."""

import asyncpg
import pytest

from embedded.postgres.cluster import Postgres
from tests.contract.realtime.conftest import USUAL, Server, serve_realtime
from tests.contract.realtime.wire import Wire, wire
from tests.support.eventually import eventually
from tests.support.servers.postgres import state_directory

_TABLES = """
create table if not exists slot_items (id int primary key);
grant all on slot_items to anon;
truncate slot_items;
alter publication supabase_realtime set table slot_items;
"""
_BINDING = {"event": "*", "schema": "public", "table": "slot_items"}


@pytest.fixture
async def tables(server: Server) -> Server:
    await server.execute(_TABLES)
    return server


async def listen(socket: Wire) -> None:
    await socket.join("db", postgres_changes=[_BINDING])
    await told(socket)


async def told(socket: Wire) -> None:
    """Wait for the confirmation of the subscription."""
    assert (await socket.receive())["payload"]["message"] == "Subscribed to PostgreSQL"


async def heard(socket: Wire) -> int:
    """Return the id of the next delivered row."""
    number: int = (await socket.receive())["payload"]["data"]["record"]["id"]
    return number


async def readers(admin_db_url: str) -> list[int | None]:
    """Return the processes that hold slots of this database."""
    connection = await asyncpg.connect(admin_db_url)
    try:
        rows = await connection.fetch(
            "select active_pid from pg_replication_slots where database = current_database()"
        )
        return [row["active_pid"] for row in rows]
    finally:
        await connection.close()


async def test_a_slot_exists_only_while_there_are_subscriptions(tables: Server) -> None:
    async def is_free() -> bool:
        return not await readers(tables.admin_db_url)

    await eventually(is_free)
    async with wire(tables.url, tables.keys.publishable) as socket:
        await listen(socket)
        assert len(await readers(tables.admin_db_url)) == 1

    await eventually(is_free)


async def test_a_slot_with_a_lost_connection_is_recreated_and_confirmed(
    tables: Server,
) -> None:
    async with wire(tables.url, tables.keys.publishable) as socket:
        await listen(socket)
        [pid] = await readers(tables.admin_db_url)
        await tables.execute(f"select pg_terminate_backend({pid})", as_admin=True)

        await told(socket)
        await tables.execute("insert into slot_items values (1)")
        assert await heard(socket) == 1


async def test_a_slot_that_lags_too_far_is_recreated_and_confirmed() -> None:
    with state_directory() as directory:
        keeps_little = {"max_slot_wal_keep_size": "1MB"}
        async with (
            Postgres(directory, settings=keeps_little) as postgres,
            serve_realtime(postgres.dsn, USUAL) as server,
            wire(server.url, server.keys.publishable) as socket,
        ):
            await server.execute(_TABLES)
            await listen(socket)
            [first] = await readers(server.admin_db_url)
            # An open transaction: the slot must retain all WAL since its beginning.
            slow = await asyncpg.connect(server.db_url)
            await slow.execute("begin; insert into slot_items values (1)")
            for number in (2, 3):
                await server.execute("insert into slot_items values ($1)", number)
                assert await heard(socket) == number
                await server.execute("select pg_switch_wal()", as_admin=True)
            await server.execute("checkpoint", as_admin=True)

            async def is_lost() -> bool:
                return first not in await readers(server.admin_db_url)

            await eventually(is_lost)
            await slow.execute("commit")
            await slow.close()

            await told(socket)
            await server.execute("insert into slot_items values (4)")
            assert await heard(socket) == 4
        log = (directory / "postgres.log").read_text(encoding="utf-8")

    assert f"terminating process {first} to release replication slot" in log
