"""Connections to the cluster: a pool per purpose, and one connection for notifications."""

import asyncio
import contextlib
from types import TracebackType
from typing import Any, Self

import asyncpg

from embedded.postgres.listener import Listener, NotifyCallback

REQUEST_CONNECTIONS = 16
ADMIN_CONNECTIONS = 8
CLOSE_SECONDS = 5.0
CONNECT_SECONDS = 5.0
"""Another process on the port of a dead Postgres may accept connections and not answer."""
COMMAND_SECONDS = 30.0
"""Longer than any statement_timeout of the roles, whose errors are more specific."""


class Database:
    """The connections that the REST, Realtime and Auth parts use.

    Lost connections (after a restart of Postgres) are replaced at the next acquisition.
    """

    requests: asyncpg.Pool
    """Pool of `authenticator`: a request sets its role within its transaction."""

    admin: asyncpg.Pool
    """Pool of `supabase_admin`, the superuser: for the server's own work only."""

    def __init__(self, *, requests_dsn: str, admin_dsn: str) -> None:
        self._requests_dsn = requests_dsn
        self._admin_dsn = admin_dsn
        self._listener = Listener(admin_dsn)
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self.requests = await _open(
                stack,
                asyncpg.create_pool(
                    self._requests_dsn,
                    min_size=2,
                    max_size=REQUEST_CONNECTIONS,
                    reset=_end_transaction,
                    **_options("embedded rest"),
                ),
            )
            self.admin = await _open(
                stack,
                asyncpg.create_pool(
                    self._admin_dsn,
                    min_size=1,
                    max_size=ADMIN_CONNECTIONS,
                    reset=_end_transaction,
                    **_options("embedded server"),
                ),
            )
            await stack.enter_async_context(self._listener)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def set_dsns(self, *, requests_dsn: str, admin_dsn: str) -> None:
        """Connect to new addresses from now on, since Postgres restarted on another port."""
        self.requests.set_connect_args(requests_dsn, **_options("embedded rest"))
        self.admin.set_connect_args(admin_dsn, **_options("embedded server"))
        self._listener.set_dsn(admin_dsn)

    async def listen(self, channel: str, callback: NotifyCallback) -> None:
        """Call `callback(payload)` for each notification on a channel, in the order of commits.

        Return when the LISTEN is in force; it lasts as long as the context. After a reconnection
        the callback gets "", since notifications may have been missed.
        """
        await self._listener.listen(channel, callback)


def _options(name: str) -> dict[str, Any]:
    return {
        "timeout": CONNECT_SECONDS,
        "command_timeout": COMMAND_SECONDS,
        "server_settings": {"application_name": name},
    }


async def _open(stack: contextlib.AsyncExitStack, pool: asyncpg.Pool) -> asyncpg.Pool:
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
