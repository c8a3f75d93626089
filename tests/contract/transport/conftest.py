"""A store and channels of the project, as agents open them."""

from collections.abc import AsyncIterator

import pytest

from embedded.state import State
from protocol.transport.channels import Channels
from protocol.transport.supabase_store import SupabaseStore, open_store


@pytest.fixture
async def store(project: State) -> AsyncIterator[SupabaseStore]:
    async with open_store(project.url, project.secret_key) as opened:
        yield opened


@pytest.fixture
async def channels(project: State) -> AsyncIterator[Channels]:
    async with Channels(project.url, project.secret_key) as opened:
        yield opened
