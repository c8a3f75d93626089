"""Who may read and write a private topic: the policies on realtime.messages say."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from embedded.postgres.database import Database
from embedded.realtime.access.callers import Visitor

_log = logging.getLogger(__name__)

_DEADLINE_SECONDS: Final = 5.0
_UNREACHABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
_PROBE: Final = (
    "insert into realtime.messages (topic, extension) select $1, unnest($2::text[]) returning id"
)
_BYPASSES: Final = """
select from pg_catalog.pg_roles
where rolname = $1 and rolbypassrls and pg_has_role('authenticator', oid, 'member')
"""
_BECOME: Final = """
select set_config('role', $1::text, true),
  set_config('realtime.topic', $2, true),
  set_config('request.jwt.claims', $3, true),
  set_config('request.jwt.claim.sub', $4, true),
  set_config('request.jwt.claim.role', $1::text, true),
  set_config('request.headers', $5, true),
  set_config('statement_timeout', '3000', true)
where pg_has_role('authenticator', $1::text::name, 'member')
"""


class Extension(StrEnum):
    """What a topic can be used for; the column `extension` that policies look at."""

    BROADCAST = "broadcast"
    PRESENCE = "presence"


class GateUnreachable(Exception):
    """The database did not answer: nobody knows whether the visitor may. Ask again."""


class Gate:
    """Asks the policies by trying, in transactions that are always rolled back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def readable(
        self, topic: str, visitor: Visitor, extensions: Collection[Extension], *, headers: str
    ) -> frozenset[Extension]:
        """Which of these the visitor may read. Raises GateUnreachable.

        Args:
            topic: without the prefix.
            visitor: whose role and claims the policies see.
            extensions: to be asked about.
            headers: of the handshake, a JSON object, for policies that look at them.
        """
        try:
            async with self._visit() as connection:
                rows = await connection.fetch(_PROBE, topic, list(extensions))
                if not await _become(connection, topic, visitor, headers):
                    return frozenset()
                seen = await connection.fetch(
                    "select extension from realtime.messages where id = any($1::uuid[])",
                    [row["id"] for row in rows],
                )
                return frozenset(Extension(row["extension"]) for row in seen)
        except asyncpg.PostgresError as error:
            _log.warning("RlsPolicyError: %s", error)
            return frozenset()

    async def writable(
        self,
        topics: Iterable[str],
        visitor: Visitor,
        extension: Extension,
        *,
        headers: str = "{}",
    ) -> frozenset[str]:
        """Which of these topics the visitor may write to. Raises GateUnreachable."""
        async with self._visit() as connection:
            if await connection.fetch(_BYPASSES, visitor.role):
                return frozenset(topics)
            return frozenset(
                [
                    topic
                    for topic in topics
                    if await _can_insert(connection, topic, visitor, extension, headers)
                ]
            )

    @asynccontextmanager
    async def _visit(self) -> AsyncIterator[PoolConnectionProxy]:
        """A transaction that leaves nothing behind. Raises GateUnreachable."""
        try:
            async with (
                asyncio.timeout(_DEADLINE_SECONDS),
                self._database.admin.acquire() as connection,
            ):
                transaction = connection.transaction()
                await transaction.start()
                try:
                    yield connection
                finally:
                    await transaction.rollback()
        except _UNREACHABLE as error:
            raise GateUnreachable(str(error)) from error


async def _can_insert(
    connection: PoolConnectionProxy,
    topic: str,
    visitor: Visitor,
    extension: Extension,
    headers: str,
) -> bool:
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        if not await _become(connection, topic, visitor, headers):
            return False
        await connection.execute(
            "insert into realtime.messages (topic, extension) values ($1, $2)", topic, extension
        )
    except _UNREACHABLE:
        raise
    except asyncpg.InsufficientPrivilegeError:
        return False
    except asyncpg.PostgresError as error:
        _log.warning("RlsPolicyError: %s", error)
        return False
    finally:
        await savepoint.rollback()  # also gives the role back
    return True


async def _become(
    connection: PoolConnectionProxy, topic: str, visitor: Visitor, headers: str
) -> bool:
    """Take the visitor's role until the transaction ends; False when no API role."""
    rows = await connection.fetch(
        _BECOME,
        visitor.role,
        topic,
        json.dumps(visitor.claims),
        str(visitor.claims.get("sub") or ""),
        headers,
    )
    return bool(rows)
