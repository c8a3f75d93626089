"""Errors of connections to Postgres that the client raises itself.

asyncpg has no class for them all: a statement on a connection that Postgres has just ended raises
`InternalClientError`, which is neither a `PostgresError` nor an `InterfaceError`.
"""

from typing import Final

import asyncpg

BROKEN_CONNECTION: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a statement on a connection raises that is no longer usable."""

CLIENT_ERRORS: Final = (OSError, TimeoutError, *BROKEN_CONNECTION)
"""What any use of the database may raise beside the errors that Postgres reports."""
