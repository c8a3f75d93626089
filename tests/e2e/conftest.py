"""One running system for all tests of this folder."""

from collections.abc import AsyncIterator, Iterator

import pytest

from protocol.transport.supabase_store import SupabaseStore
from tests.support.servers.system import System, running_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run an orchestrator and two executors; those that a test kills are started again."""
    with running_system(tmp_path_factory.mktemp("system"), "--executors", "2") as running:
        yield running


@pytest.fixture
async def store(system: System) -> AsyncIterator[SupabaseStore]:
    async with system.store() as opened:
        yield opened
