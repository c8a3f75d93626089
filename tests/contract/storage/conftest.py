"""Fixtures: a bucket in which each user has a folder, and clients."""

import secrets
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import httpx
import pytest
from supabase import AsyncClient

from tests.support.accounts import an_email, connected, sign_up
from tests.support.servers.contract_target import Target

_POLICY: Final = """
create policy "{bucket}" on storage.objects for all to authenticated
  using (bucket_id = '{bucket}' and (storage.foldername(name))[1] = (select auth.uid())::text)
"""


@pytest.fixture
async def service(contract_target: Target) -> AsyncIterator[AsyncClient]:
    async with connected(contract_target.url, contract_target.secret_key) as client:
        yield client


@pytest.fixture
async def alice(contract_target: Target) -> AsyncIterator[AsyncClient]:
    async with connected(contract_target.url, contract_target.publishable_key) as client:
        await sign_up(client, an_email())
        yield client


@pytest.fixture
async def bob(contract_target: Target) -> AsyncIterator[AsyncClient]:
    async with connected(contract_target.url, contract_target.publishable_key) as client:
        await sign_up(client, an_email())
        yield client


@pytest.fixture
async def bucket(contract_target: Target, service: AsyncClient) -> AsyncIterator[str]:
    """Yield a new bucket for images and texts of at most 1,000 bytes; each user has a folder."""
    name = f"photos-{secrets.token_hex(4)}"
    await service.storage.create_bucket(
        name, options={"file_size_limit": 1000, "allowed_mime_types": ["image/*", "text/plain"]}
    )
    connection = await asyncpg.connect(contract_target.db_url)
    try:
        await connection.execute(_POLICY.format(bucket=name))
        yield name
    finally:
        await connection.execute(f'drop policy "{name}" on storage.objects')
        await connection.close()
        await service.storage.empty_bucket(name)
        await service.storage.delete_bucket(name)


@pytest.fixture
async def http(contract_target: Target) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an HTTP client below /storage/v1, with the secret key."""
    headers = {"Authorization": f"Bearer {contract_target.secret_key}"}
    async with httpx.AsyncClient(
        base_url=f"{contract_target.url}/storage/v1", headers=headers, timeout=60
    ) as raw:
        yield raw
