"""The logical slot that changes are read from: there only while somebody listens."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from embedded.realtime.changes.pgoutput import Message, parse

PUBLICATION: Final = "supabase_realtime"

_CREATE_SECONDS: Final = 60.0
"""Making a slot waits for the transactions that are under way."""
_READ_SECONDS: Final = 30.0
_MOST_ROWS: Final = 1_000
"""Of one reading; a transaction is always read whole."""
_READ: Final = """
select data from pg_catalog.pg_logical_slot_get_binary_changes(
  $1, null, $2, 'proto_version', '1', 'publication_names', $3)
"""


class Slot:
    """A temporary slot: it ends with its connection, so that no WAL is kept for the dead."""

    def __init__(self, connection: PoolConnectionProxy, name: str) -> None:
        self._connection = connection
        self._name = name

    async def read(self) -> list[Message]:
        """What was committed since the last reading, in the order of commits."""
        rows = await self._connection.fetch(
            _READ,
            self._name,
            _MOST_ROWS,
            PUBLICATION,
            timeout=_READ_SECONDS,
        )
        return [parse(row["data"]) for row in rows]


@asynccontextmanager
async def open_slot(admin: asyncpg.Pool) -> AsyncIterator[Slot]:
    """Take a connection for itself and make the slot on it."""
    async with admin.acquire() as connection:
        try:
            name = f"embedded_changes_{secrets.token_hex(6)}"
            await connection.execute(
                "select pg_catalog.pg_create_logical_replication_slot($1, 'pgoutput', true)",
                name,
                timeout=_CREATE_SECONDS,
            )
            yield Slot(connection, name)
        finally:
            connection.terminate()  # and the slot with it; the pool makes another
