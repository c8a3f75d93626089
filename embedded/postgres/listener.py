"""One connection for NOTIFY that reconnects by itself."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import asyncpg

from embedded.postgres.connection_errors import CLIENT_ERRORS

NotifyCallback: TypeAlias = Callable[[str], None]
"""Receives the payload; must neither raise nor block."""

_log = logging.getLogger(__name__)

_FIRST_DELAY_SECONDS: Final = 0.1
_LAST_DELAY_SECONDS: Final = 3.0
_PROBE_SECONDS: Final = 15.0
_COMMAND_SECONDS: Final = 5.0
DATABASE_ERRORS: Final = (*CLIENT_ERRORS, asyncpg.PostgresError)
"""What any use of the database may raise."""


class Listener:
    """Keeps LISTEN in force on all requested channels, across lost connections."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._callbacks: dict[str, list[NotifyCallback]] = {}
        self._connection: asyncpg.Connection | None = None
        self._lost = asyncio.Event()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Connect, and stay connected within the block."""
        await self._connect()
        try:
            async with asyncio.TaskGroup() as group:
                keeper = group.create_task(self._keep(), name="keep the listener connected")
                yield
                keeper.cancel()
        finally:
            if self._connection:
                self._connection.terminate()

    def set_dsn(self, dsn: str) -> None:
        """Use another address from the next reconnection on."""
        self._dsn = dsn

    async def listen(self, channel: str, callback: NotifyCallback) -> None:
        """Call back for each notification; see `Database.listen`."""
        is_new = channel not in self._callbacks
        self._callbacks.setdefault(channel, []).append(callback)
        if is_new and self._connection:
            try:
                await self._connection.add_listener(channel, self._notify)
            except DATABASE_ERRORS:
                self._lost.set()  # after its reconnection the keeper listens on all channels

    def _notify(
        self,
        connection: object,
        pid: int,
        channel: str,
        payload: object,
    ) -> None:
        for callback in self._callbacks.get(channel, ()):
            callback(str(payload))

    async def _connect(self) -> None:
        connection = await asyncpg.connect(
            self._dsn,
            timeout=_COMMAND_SECONDS,
            command_timeout=_COMMAND_SECONDS,
            server_settings={"application_name": "embedded listener"},
        )
        self._lost.clear()
        connection.add_termination_listener(lambda _: self._lost.set())
        try:
            for channel in self._callbacks:
                await connection.add_listener(channel, self._notify)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    async def _keep(self) -> None:
        delay = _FIRST_DELAY_SECONDS
        while True:
            await self._wait_until_lost()
            if self._connection:
                self._connection.terminate()
                self._connection = None
            try:
                await self._connect()
            except DATABASE_ERRORS as error:
                _log.warning("The connection for notifications is down: %s", error)
                self._lost.set()
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LAST_DELAY_SECONDS)
                continue
            delay = _FIRST_DELAY_SECONDS
            for callbacks in self._callbacks.values():
                for callback in callbacks:
                    callback("")

    async def _wait_until_lost(self) -> None:
        """Wait until the connection is lost or does not answer."""
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    await self._lost.wait()
            except TimeoutError:
                try:
                    if self._connection:
                        await self._connection.execute("select")
                except DATABASE_ERRORS:
                    self._lost.set()
