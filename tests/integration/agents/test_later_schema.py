"""Agents of this release on the schema of a later one, which has only added to it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import pytest

from cogo import migrations
from cogo.migrations import load_migrations
from cogo.wiring.schema_check import check_database_schema
from embedded.state import State
from protocol.lifecycle import TaskState
from scripts.schema.migration import draft_migration
from tests.support.servers.embedded import embedded_server
from tests.support.servers.postgres import state_directory
from tests.support.servers.project import migrate
from tests.support.sql.later_schema import as_migration, later_schema

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager["Fleet"]]


@pytest.fixture(scope="module")
def server() -> Iterator[State]:
    """Yield a project of its own: no test after this one has the later schema."""
    with state_directory() as directory, embedded_server(directory) as state:
        # A loop of its own, so that the event loop of the tests stays as pytest-asyncio left it.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(_migrate(state))
        yield state


async def _migrate(state: State) -> None:
    await migrate(state)
    draft = await asyncio.to_thread(draft_migration, later_schema(), load_migrations())
    await migrations.migrate(state.db_url, [*load_migrations(), as_migration(draft)])


async def test_agents_work_on_a_later_schema(fleet: OpenFleet) -> None:
    async with fleet() as agents:
        await agents.executor("e-1")
        await agents.orchestrator()
        await check_database_schema(agents.store)

        task = await agents.ended((await agents.submit()).id)
        attempts = await agents.store.fetch_attempts(task_id=task.id)

    assert task.status is TaskState.COMPLETED
    assert [each.outcome for each in attempts] == ["completed", "completed"]
