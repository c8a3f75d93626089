"""Authorization for private topics, by the policies on realtime.messages."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from embedded.postgres.connection_errors import CLIENT_ERRORS
from embedded.postgres.database import Database
from embedded.realtime.access.callers import Caller

_log = logging.getLogger(__name__)

_DEADLINE_SECONDS: Final = 5.0
_UNREACHABLE: Final = (
    *CLIENT_ERRORS,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
_INSERT_PROBE: Final = (
    "insert into realtime.messages (topic, extension) select $1, unnest($2::text[]) returning id"
)
_BYPASSES: Final = """
select from pg_catalog.pg_roles
where rolname = $1 and rolbypassrls and pg_has_role('authenticator', oid, 'member')
"""
_SWITCH_ROLE: Final = """
select set_config('role', $1::text, true),
  set_config('realtime.topic', $2, true),
  set_config('request.jwt.claims', $3, true),
  set_config('request.jwt.claim.sub', $4, true),
  set_config('request.jwt.claim.role', $1::text, true),
  set_config('request.headers', $5, true),
  set_config('statement_timeout', '3000', true)
where pg_has_role('authenticator', $1::text::name, 'member')
"""


class ChannelExtension(StrEnum):
    """Uses of a topic; values of the column `extension` that policies check."""

    BROADCAST = "broadcast"
    PRESENCE = "presence"


class AuthorizationUnavailable(Exception):
    """The database did not answer; the permission is unknown."""


class Authorizer:
    """Evaluates policies by trial, in transactions that are always rolled back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_readable(
        self, topic: str, caller: Caller, extensions: Collection[ChannelExtension], *, headers: str
    ) -> frozenset[ChannelExtension]:
        """Return those extensions that the caller may read; raise `AuthorizationUnavailable`.

        Args:
            topic: without the prefix.
            caller: whose role and claims the policies see.
            extensions: the ones to check.
            headers: of the handshake, as a JSON object, for policies that use them.
        """
        try:
            async with self._begin() as connection:
                rows = await connection.fetch(_INSERT_PROBE, topic, list(extensions))
                if not await _switch_role(connection, topic, caller, headers):
                    return frozenset()
                seen = await connection.fetch(
                    "select extension from realtime.messages where id = any($1::uuid[])",
                    [row["id"] for row in rows],
                )
                return frozenset(ChannelExtension(row["extension"]) for row in seen)
        except asyncpg.PostgresError as error:
            _log.warning("RlsPolicyError: %s", error)
            return frozenset()

    async def find_writable(
        self,
        topics: Iterable[str],
        caller: Caller,
        extension: ChannelExtension,
        *,
        headers: str = "{}",
    ) -> frozenset[str]:
        """Return those topics that the caller may write to; raise `AuthorizationUnavailable`."""
        async with self._begin() as connection:
            if await connection.fetch(_BYPASSES, caller.role):
                return frozenset(topics)
            return frozenset(
                [
                    topic
                    for topic in topics
                    if await _can_insert(connection, topic, caller, extension, headers)
                ]
            )

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[PoolConnectionProxy]:
        """Open a transaction that is rolled back; raise `AuthorizationUnavailable`."""
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
            raise AuthorizationUnavailable(str(error)) from error


async def _can_insert(
    connection: PoolConnectionProxy,
    topic: str,
    caller: Caller,
    extension: ChannelExtension,
    headers: str,
) -> bool:
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        if not await _switch_role(connection, topic, caller, headers):
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
        await savepoint.rollback()  # also resets the role
    return True


async def _switch_role(
    connection: PoolConnectionProxy, topic: str, caller: Caller, headers: str
) -> bool:
    """Switch to the caller's role for the transaction; return False if it is no API role."""
    rows = await connection.fetch(
        _SWITCH_ROLE,
        caller.role,
        topic,
        json.dumps(caller.claims),
        str(caller.claims.get("sub") or ""),
        headers,
    )
    return bool(rows)
