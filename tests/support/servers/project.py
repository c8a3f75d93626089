"""A project with our migrations, on an embedded server of its own."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
import pytest

from cogo import migrations
from embedded.state import State
from protocol.transport.supabase_store import open_store
from tests.support.eventually import eventually
from tests.support.servers.embedded import embedded_server
from tests.support.servers.postgres import state_directory

_TABLES = """
select format('%I.%I', schemaname, tablename) as name
from pg_tables
where schemaname = 'cogo' or schemaname = 'public' and tablename like 'cogo\\_%'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigratedServer:
    """A server with our migrations, and the tables that they leave empty."""

    state: State
    tables: tuple[str, ...]

    async def forget(self) -> None:
        """Empty the tables: no test claims what another one left queued."""
        connection = await asyncpg.connect(self.state.db_url)
        try:
            await connection.execute(f"truncate {', '.join(self.tables)} restart identity cascade")
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def migrated_server() -> Iterator[MigratedServer]:
    """Run the server behind the fixture `project`, once in a run."""
    with state_directory() as directory, embedded_server(directory) as state:
        # A loop of its own, so that the event loop of the tests stays as pytest-asyncio left it.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            tables = runner.run(_migrate_and_look(state))
        yield MigratedServer(state=state, tables=tables)


@pytest.fixture
async def project(migrated_server: MigratedServer) -> State:
    """Return a project without tasks, agents or settings."""
    await migrated_server.forget()
    return migrated_server.state


async def migrate(state: State) -> None:
    """Apply the migrations with their history, and wait until the Data API knows the functions."""
    await migrations.migrate(state.db_url, migrations.load_migrations())
    async with open_store(state.url, state.secret_key) as store:
        await eventually(store.schema_versions)


async def _migrate_and_look(state: State) -> tuple[str, ...]:
    """Migrate; list the tables that stay empty."""
    await migrate(state)
    connection = await asyncpg.connect(state.db_url)
    try:
        names = [row["name"] for row in await connection.fetch(_TABLES)]
        return tuple(
            [
                name
                for name in names
                if not await connection.fetchval(f"select exists (table {name})")
            ]
        )
    finally:
        await connection.close()
