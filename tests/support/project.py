"""A project with our migrations, on an embedded server of its own."""

import asyncio
from collections.abc import Iterator

import pytest

from embedded.state import State
from protocol.transport.connect import open_store
from tests.db.database import apply_migrations
from tests.support.databases import state_directory
from tests.support.eventually import eventually
from tests.support.supabase_server import embedded_server


@pytest.fixture(scope="session")
def project() -> Iterator[State]:
    """Shared by all tests of the run: look at rows of your own tasks only."""
    with state_directory() as directory, embedded_server(directory) as state:
        # A loop of its own, so that the event loop of the tests stays as pytest-asyncio left it.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(migrate(state))
        yield state


async def migrate(state: State) -> None:
    """Apply the migrations and wait until the Data API knows the new functions."""
    await apply_migrations(state.db_url)
    async with open_store(state.url, state.secret_key) as store:
        await eventually(store.schema_versions)
