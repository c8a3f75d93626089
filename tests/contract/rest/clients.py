"""supabase-py as the tests use it."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
from postgrest import APIResponse
from supabase import AsyncClient, AsyncClientOptions, acreate_client


@contextlib.asynccontextmanager
async def open_client(url: str, key: str) -> AsyncIterator[AsyncClient]:
    """Open a client with a connection pool of its own."""
    # With no pool given supabase-py makes one through an argument that postgrest has deprecated.
    async with httpx.AsyncClient(timeout=20) as pool:
        options = AsyncClientOptions(httpx_client=pool, auto_refresh_token=False)
        yield await acreate_client(url, key, options)


def rows_of(answer: APIResponse) -> list[dict[str, Any]]:
    """Return the rows of an answer, whose type in the client is any JSON."""
    return cast("list[dict[str, Any]]", answer.data)


async def sign_up(client: AsyncClient) -> None:
    """Make the client that of a person of its own."""
    email = f"{uuid.uuid4()}@example.com"
    await client.auth.sign_up({"email": email, "password": "a long password"})
