"""The logical replication slot from which changes are read."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from embedded.realtime.changes.pgoutput import ReplicationMessage, parse_message

PUBLICATION: Final = "supabase_realtime"

_CREATE_SECONDS: Final = 60.0
"""Creating a slot waits for the current transactions."""
_READ_SECONDS: Final = 30.0
_MAX_ROWS: Final = 1_000
"""Per read; a transaction is always read completely."""
_READ: Final = """
select data from pg_catalog.pg_logical_slot_get_binary_changes(
  $1, null, $2, 'proto_version', '1', 'publication_names', $3)
"""


class ReplicationSlot:
    """A temporary slot, which ends with its connection, so that no WAL is retained."""

    def __init__(self, connection: PoolConnectionProxy, name: str) -> None:
        self._connection = connection
        self._name = name

    async def read(self) -> list[ReplicationMessage]:
        """Return the messages since the last read, in the order of commits."""
        rows = await self._connection.fetch(
            _READ,
            self._name,
            _MAX_ROWS,
            PUBLICATION,
            timeout=_READ_SECONDS,
        )
        return [parse_message(row["data"]) for row in rows]


@asynccontextmanager
async def open_slot(admin: asyncpg.Pool) -> AsyncIterator[ReplicationSlot]:
    """Create a slot on a connection of its own."""
    async with admin.acquire() as connection:
        try:
            name = f"embedded_changes_{secrets.token_hex(6)}"
            await connection.execute(
                "select pg_catalog.pg_create_logical_replication_slot($1, 'pgoutput', true)",
                name,
                timeout=_CREATE_SECONDS,
            )
            yield ReplicationSlot(connection, name)
        finally:
            connection.terminate()  # and with it the slot; the pool opens another connection
