"""Agents of this release on the schema of a later one, which has only added to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import pytest

from cogo.migrations import load_migrations, migrate
from cogo.wiring.schema_check import check_database_schema
from embedded.state import State
from protocol.lifecycle import TaskState
from scripts.schema.migration import draft_migration
from tests.support.sql.later_schema import as_migration, later_schema

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager["Fleet"]]


@pytest.fixture
async def later(server: State) -> AsyncIterator[State]:
    draft = await asyncio.to_thread(draft_migration, later_schema(), load_migrations())
    await migrate(server.db_url, [*load_migrations(), as_migration(draft)])
    yield server


@pytest.mark.usefixtures("later")
async def test_agents_work_on_a_later_schema(fleet: OpenFleet) -> None:
    async with fleet() as agents:
        await agents.executor("e-1")
        await agents.orchestrator()
        await check_database_schema(agents.store)

        task = await agents.ended((await agents.submit()).id)
        attempts = await agents.store.fetch_attempts(task_id=task.id)

    assert task.status is TaskState.COMPLETED
    assert [each.outcome for each in attempts] == ["completed", "completed"]
