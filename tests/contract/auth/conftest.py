"""Fixtures: clients of the Auth API with the publishable and the secret key."""

from collections.abc import AsyncIterator

import httpx
import pytest
from supabase import AsyncClient

from tests.support.accounts import connected
from tests.support.servers.contract_target import Target


@pytest.fixture
async def client(contract_target: Target) -> AsyncIterator[AsyncClient]:
    async with connected(contract_target.url, contract_target.publishable_key) as client:
        yield client


@pytest.fixture
async def service(contract_target: Target) -> AsyncIterator[AsyncClient]:
    async with connected(contract_target.url, contract_target.secret_key) as client:
        yield client


@pytest.fixture
async def http(contract_target: Target) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an HTTP client with the publishable key by default."""
    headers = {"apikey": contract_target.publishable_key}
    async with httpx.AsyncClient(base_url=contract_target.url, headers=headers, timeout=60) as raw:
        yield raw
