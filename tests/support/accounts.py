"""People who sign up, and the clients that they use."""

import contextlib
import secrets
from collections.abc import AsyncIterator

import httpx
from supabase import AsyncClient, AsyncClientOptions, create_async_client

PASSWORD = "long enough"


def an_email() -> str:
    """Return an unused e-mail address."""
    return f"{secrets.token_hex(6)}@example.com"


@contextlib.asynccontextmanager
async def connected(url: str, key: str) -> AsyncIterator[AsyncClient]:
    """Open supabase-py with a connection pool of its own."""
    async with httpx.AsyncClient(timeout=20) as http:
        options = AsyncClientOptions(auto_refresh_token=False, httpx_client=http)
        yield await create_async_client(url, key, options)


async def sign_up(client: AsyncClient, email: str, password: str = PASSWORD) -> str:
    """Make an account of team a and sign in; give its id."""
    answer = await client.auth.sign_up(
        {"email": email, "password": password, "options": {"data": {"team": "a"}}}
    )
    assert answer.user
    return answer.user.id
