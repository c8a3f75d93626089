"""Clients of supabase-py for the tests."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
from postgrest import APIResponse
from supabase import AsyncClient, AsyncClientOptions, acreate_client


@contextlib.asynccontextmanager
async def open_client(url: str, key: str) -> AsyncIterator[AsyncClient]:
    """Open a client with its own connection pool."""
    # Without a pool, supabase-py creates one with an argument that postgrest has deprecated.
    async with httpx.AsyncClient(timeout=20) as pool:
        options = AsyncClientOptions(httpx_client=pool, auto_refresh_token=False)
        yield await acreate_client(url, key, options)


def rows_of(answer: APIResponse) -> list[dict[str, Any]]:
    """Return the rows of a response, which the client types as any JSON."""
    return cast("list[dict[str, Any]]", answer.data)


async def sign_up(client: AsyncClient) -> None:
    """Create a user of its own and sign the client in."""
    email = f"{uuid.uuid4()}@example.com"
    await client.auth.sign_up({"email": email, "password": "a long password"})
