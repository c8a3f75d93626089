"""A direct connection to the database, for what only the owner of its tables may do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import asyncpg

from cogo.errors import CommandError

Database: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_CONNECT_SECONDS: Final = 10.0
_STATEMENT_SECONDS: Final = 300.0


@asynccontextmanager
async def connect_database(
    db_url: str, *, failure: type[CommandError] = CommandError
) -> AsyncIterator[Database]:
    """Open a connection. Raises `failure`, which never shows the password."""
    try:
        # A statement cache would not work through a pooler in transaction mode.
        connection = await asyncpg.connect(
            db_url,
            timeout=_CONNECT_SECONDS,
            command_timeout=_STATEMENT_SECONDS,
            statement_cache_size=0,
        )
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise failure(
            f"the database refuses the user or the password of SUPABASE_DB_URL: {error}"
        ) from error
    except (asyncpg.ClientConfigurationError, ValueError) as error:
        # The driver's message may contain part of the password.
        raise failure(
            "SUPABASE_DB_URL is not an address like postgresql://USER:PASSWORD@HOST:5432/postgres "
            "(percent-encode special characters of the password)"
        ) from error
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        reason = str(error) or "there was no answer in time"
        raise failure(
            f"the database of SUPABASE_DB_URL does not answer: {reason}; check host and port"
        ) from error
    try:
        yield connection
    finally:
        await connection.close(timeout=5)
