"""The store over the official Supabase client: all of `protocol.store`, and how to open it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
from supabase import AsyncClientOptions, AsyncSupabaseException, acreate_client

from protocol.errors import StoreUnavailable, Unauthorized
from protocol.transport.local_http import LocalClient, choose_transport
from protocol.transport.store.cache import SupabaseAnswerCacheStore
from protocol.transport.store.calls import SupabaseCallStateStore
from protocol.transport.store.columns import SupabaseColumnStore
from protocol.transport.store.gateway import SupabaseGatewayStore
from protocol.transport.store.instance import SupabaseInstanceStore
from protocol.transport.store.memory import SupabaseEmbeddingStore, SupabaseMemoryStore
from protocol.transport.store.models import SupabaseModelStore
from protocol.transport.store.objects import SupabaseObjectStore
from protocol.transport.store.queue import SupabaseQueueStore
from protocol.transport.store.spending import SupabaseSpendingStore
from protocol.transport.store.turns import SupabaseSessionStore
from protocol.transport.store.waits import SupabaseWaitStore
from protocol.transport.tls import choose_ssl_context

TIMEOUT_SECONDS: Final = 10.0
"""The client's default of two minutes would block a claim while work is waiting."""

IDLE_SECONDS: Final = 45.0
"""For which unused connections are kept; proxies in front of projects close them later."""

_HINT: Final = "set SUPABASE_SECRET_KEY to the secret key of this project"


class SupabaseStore(
    SupabaseQueueStore,
    SupabaseGatewayStore,
    SupabaseModelStore,
    SupabaseCallStateStore,
    SupabaseAnswerCacheStore,
    SupabaseSpendingStore,
    SupabaseEmbeddingStore,
    SupabaseWaitStore,
    SupabaseObjectStore,
    SupabaseColumnStore,
    SupabaseMemoryStore,
    SupabaseInstanceStore,
    SupabaseSessionStore,
):
    """Implementation of every protocol in `protocol.store`. One per event loop."""


@asynccontextmanager
async def open_store(
    url: str, key: str, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> AsyncIterator[SupabaseStore]:
    """Open a store on the running loop. Nothing is sent until the first call.

    Raise Unauthorized for a malformed key, StoreUnavailable for a malformed address.
    """
    if not (key.isascii() and key.isprintable()):
        raise Unauthorized("the key contains invalid characters", hint=_HINT)
    async with _open_http(url, timeout_seconds) as http:
        options = AsyncClientOptions(
            httpx_client=http,
            postgrest_client_timeout=timeout_seconds,
            auto_refresh_token=False,
            persist_session=False,
        )
        try:
            client = await acreate_client(url, key, options)
        except (AsyncSupabaseException, ValueError) as error:
            # Mistakes in an address beyond its scheme raise a plain ValueError.
            raise _map_client_error(error, url) from error
        yield SupabaseStore(client)


def _map_client_error(error: Exception, url: str) -> StoreUnavailable | Unauthorized:
    if isinstance(error, AsyncSupabaseException) and "key" in str(error):
        return Unauthorized(f"the key is not accepted: {error}", hint=_HINT)
    return StoreUnavailable(
        f"{url!r} is not the address of a Supabase project",
        hint="example: https://abcdefghijklmnop.supabase.co",
    )


def _open_http(url: str, timeout_seconds: float) -> httpx.AsyncClient:
    timeout = httpx.Timeout(timeout_seconds, connect=5.0)
    # The lease keeper calls every five seconds, after which httpx would close its connection.
    limits = httpx.Limits(
        max_connections=20, max_keepalive_connections=20, keepalive_expiry=IDLE_SECONDS
    )
    transport = choose_transport(url, limits)
    if transport is not None:
        return LocalClient(transport, timeout)
    return httpx.AsyncClient(
        timeout=timeout,
        limits=limits,
        verify=choose_ssl_context(url),
        http2=url.startswith("https"),
    )
