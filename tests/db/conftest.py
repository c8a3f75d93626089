"""One migrated database per server, emptied before each test."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from tests.support.servers.postgres import Cluster
from tests.support.sql.agent import Agent
from tests.support.sql.columns import Columns, open_columns
from tests.support.sql.database import Database, apply_migrations, empty


@pytest.fixture
def migrated(cluster: Cluster) -> str:
    """Return the name of a database with our migrations, applied as `postgres`: no superuser."""
    return cluster.prepared("migrated", apply_migrations)


@pytest.fixture
async def database(cluster: Cluster, migrated: str) -> AsyncIterator[Database]:
    await empty(cluster.dsn("supabase_admin", migrated))
    async with AsyncExitStack() as stack:
        yield Database(cluster.dsn("postgres", migrated), stack)


@pytest.fixture
async def agent(database: Database) -> Agent:
    return Agent(await database.connect())


@pytest.fixture
async def other_agent(database: Database) -> Agent:
    return Agent(await database.connect(), "executor-2")


@pytest.fixture
def other_database_url(cluster: Cluster) -> Iterator[str]:
    """Yield a second database like `database_url`."""
    name = cluster.create()
    yield cluster.dsn("postgres", name)
    cluster.drop(name)


@pytest.fixture
async def columns(database: Database) -> AsyncIterator[Columns]:
    async with open_columns(database) as opened:
        yield opened
