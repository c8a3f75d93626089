"""Connections to the cluster: a pool per purpose, and one connection for notifications."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg

from embedded.postgres.listener import Listener, NotifyCallback
from embedded.postgres.pipeline import PipelineConnection

REQUEST_CONNECTIONS = 16
ADMIN_CONNECTIONS = 8
IDLE_SECONDS = 30.0
"""As PostgREST's: a burst leaves connections of 5 to 10 MB each behind."""
CLOSE_SECONDS = 5.0
CONNECT_SECONDS = 5.0
"""Another process on the port of a dead Postgres may accept connections and not answer."""
KEPT_CONNECTIONS = 4
COMMAND_SECONDS = 30.0
"""Longer than any statement_timeout of the roles, whose errors are more specific."""


class KeptConnections:
    """A few connections of a pool that stay taken from one request to the next.

    To take one from asyncpg's pool and give it back costs a task, three timers and about as much
    CPU time as the statements that a request sends.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self._kept: list[tuple[PipelineConnection, PipelineConnection, float]] = []
        """Proxies of the pool, their connections, and the times when they were given back."""
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, *, seconds: float) -> PipelineConnection:
        """Return the proxy of an open connection; raise what `Pool.acquire` raises."""
        while self._kept:
            proxy, connection, _ = self._kept.pop()
            if not connection.is_closed():
                return proxy
            await self.pool.release(cast("Any", proxy))
        self._waiting += 1
        try:
            return cast("PipelineConnection", await self.pool.acquire(timeout=seconds))
        finally:
            self._waiting -= 1

    async def give_back(self, proxy: PipelineConnection, connection: PipelineConnection) -> None:
        """Keep a connection without a transaction, or return it to the pool."""
        if connection.is_closed() or self._waiting or len(self._kept) >= KEPT_CONNECTIONS:
            await self.pool.release(cast("Any", proxy))
            return
        loop = asyncio.get_running_loop()
        self._kept.append((proxy, connection, loop.time()))
        if self._timer is None:
            self._timer = loop.call_later(IDLE_SECONDS, self._end_idle)

    async def close(self) -> None:
        """Return all connections to the pool."""
        if self._timer is not None:
            self._timer.cancel()
        while self._kept:
            proxy, _, _ = self._kept.pop()
            await self.pool.release(cast("Any", proxy))

    def _end_idle(self) -> None:
        """End the connections that no request has needed, as the pool does."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - IDLE_SECONDS
        while self._kept and self._kept[0][2] <= oldest:
            _, connection, _ = self._kept.pop(0)
            connection.terminate()
        self._timer = None
        if self._kept:
            self._timer = loop.call_at(self._kept[0][2] + IDLE_SECONDS, self._end_idle)


class Database:
    """The connections that the REST, Realtime, Auth and Storage parts use.

    Lost connections (after a restart of Postgres) are replaced at the next acquisition.
    """

    requests: asyncpg.Pool
    """Pool of `authenticator`: a request sets its role within its transaction."""

    kept: KeptConnections
    """Connections of `requests` for the Data API."""

    admin: asyncpg.Pool
    """Pool of `supabase_admin`, the superuser: for the server's own work only."""

    def __init__(self, admin_dsn: str) -> None:
        self.listener = Listener(admin_dsn)

    def set_dsns(self, *, requests_dsn: str, admin_dsn: str) -> None:
        """Connect to new addresses from now on, since Postgres restarted on another port."""
        self.requests.set_connect_args(requests_dsn, **_options("embedded rest"))
        self.admin.set_connect_args(admin_dsn, **_options("embedded server"))
        self.listener.set_dsn(admin_dsn)

    async def listen(self, channel: str, callback: NotifyCallback) -> None:
        """Call `callback(payload)` for each notification on a channel, in the order of commits.

        Return when the LISTEN is in force; it lasts as long as the context. After a reconnection
        the callback gets "", since notifications may have been missed.
        """
        await self.listener.listen(channel, callback)


@contextlib.asynccontextmanager
async def open_database(*, requests_dsn: str, admin_dsn: str) -> AsyncIterator[Database]:
    """Open the pools and the listener within the block."""
    database = Database(admin_dsn)
    async with contextlib.AsyncExitStack() as stack:
        database.requests = await _open_pool(
            stack, requests_dsn, "embedded rest", min_size=2, max_size=REQUEST_CONNECTIONS
        )
        database.kept = KeptConnections(database.requests)
        stack.push_async_callback(database.kept.close)
        database.admin = await _open_pool(
            stack, admin_dsn, "embedded server", min_size=1, max_size=ADMIN_CONNECTIONS
        )
        await stack.enter_async_context(database.listener.run())
        yield database


def _options(name: str) -> dict[str, Any]:
    return {
        "timeout": CONNECT_SECONDS,
        "command_timeout": COMMAND_SECONDS,
        "server_settings": {"application_name": name},
    }


async def _open_pool(
    stack: contextlib.AsyncExitStack, dsn: str, name: str, *, min_size: int, max_size: int
) -> asyncpg.Pool:
    pool = asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        max_inactive_connection_lifetime=IDLE_SECONDS,
        reset=_end_transaction,
        connection_class=PipelineConnection,
        **_options(name),
    )
    stack.push_async_callback(_close, pool)
    return await pool


async def _close(pool: asyncpg.Pool) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await pool.close()
    except TimeoutError:  # a connection is still in use
        pool.terminate()


async def _end_transaction(connection: asyncpg.Connection) -> None:
    """Roll back; asyncpg's own reset would cost each request another round trip.

    Requests and policies change settings for their transaction only, as PostgREST does.
    """
    if connection.is_in_transaction():
        await connection.execute("rollback")
