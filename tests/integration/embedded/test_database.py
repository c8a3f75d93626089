"""Pools and the listening connection outlive lost connections."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import asyncpg
import pytest

from embedded.postgres.cluster import Postgres
from embedded.postgres.database import Database, open_database
from tests.support.eventually import eventually
from tests.support.servers.postgres import state_directory


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    with state_directory() as directory:
        async with Postgres(Path(directory)) as postgres, connected(postgres) as database:
            yield database


def connected(postgres: Postgres) -> AbstractAsyncContextManager[Database]:
    return open_database(
        requests_dsn=postgres.dsn("authenticator"), admin_dsn=postgres.dsn("supabase_admin")
    )


async def cut(database: Database) -> None:
    """End every connection but the one that asks."""
    await database.admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where backend_type = 'client backend' and pid <> pg_backend_pid()"
    )


async def test_the_pools_have_their_roles(database: Database) -> None:
    who = "select current_user::text || ' ' || current_setting('is_superuser')"

    assert await database.requests.fetchval(who) == "authenticator off"
    assert await database.admin.fetchval(who) == "supabase_admin on"


async def test_notifications_arrive_in_the_order_of_commits(database: Database) -> None:
    heard: list[str] = []
    await database.listen("doorbell", heard.append)

    for number in range(50):
        await database.admin.execute(f"notify doorbell, '{number}'")

    await eventually(lambda: len(heard) == 50)
    assert heard == [str(number) for number in range(50)]


async def test_all_callbacks_of_a_channel_are_called(database: Database) -> None:
    first: list[str] = []
    second: list[str] = []
    await database.listen("doorbell", first.append)
    await database.listen("doorbell", second.append)

    await database.admin.execute("notify doorbell, 'x'")

    await eventually(lambda: (first, second) == (["x"], ["x"]))


async def test_after_a_lost_connection_callbacks_are_notified_and_continue(
    database: Database,
) -> None:
    heard: list[str] = []
    await database.listen("doorbell", heard.append)

    await cut(database)

    await eventually(lambda: heard == [""])
    await database.admin.execute("notify doorbell, 'again'")
    await eventually(lambda: heard == ["", "again"])


async def test_an_open_transaction_does_not_affect_the_next_request(
    database: Database,
) -> None:
    async with database.requests.acquire() as connection:
        await connection.execute("begin")
        await connection.execute("select set_config('request.jwt.claims', '{}', true)")

    async with database.requests.acquire() as connection:
        assert not connection.is_in_transaction()
        assert not await connection.fetchval(
            "select nullif(current_setting('request.jwt.claims', true), '')"
        )


async def test_pools_replace_lost_connections(database: Database) -> None:
    await cut(database)

    async def answers() -> bool:
        try:
            return bool(await database.requests.fetchval("select true"))
        except (
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
            OSError,
        ):
            return False  # a connection whose end was just noticed

    probe: Callable[[], bool | Awaitable[bool]] = answers
    assert await eventually(probe)
