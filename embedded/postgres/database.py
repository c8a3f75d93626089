"""Connections to the cluster: a pool per purpose, and one connection for notifications."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

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
COMMAND_SECONDS = 30.0
"""Longer than any statement_timeout of the roles, whose errors are more specific."""


class Database:
    """The connections that the REST, Realtime, Auth and Storage parts use.

    Lost connections (after a restart of Postgres) are replaced at the next acquisition.
    """

    requests: asyncpg.Pool
    """Pool of `authenticator`: a request sets its role within its transaction."""

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
