"""The SQL that makes a bare Postgres look like a hosted Supabase project."""

import hashlib
from pathlib import Path
from typing import Final

import asyncpg

from embedded.postgres.role_passwords import LOGIN_ROLES, Passwords

_FOLDER: Final = Path(__file__).parent / "sql"
_FILES: Final = ("roles.sql", "extensions.sql", "auth.sql", "realtime.sql", "watch.sql")
"""In the order of their dependencies."""


def bootstrap_sql() -> str:
    """The whole text; it may be applied again to a database that has an earlier version of it."""
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _FILES)


def default_privileges_sql(*, are_granted: bool) -> str:
    """What makes `postgres` grant its new objects in `public`, as projects before October 2026."""
    change, roles = ("grant", "to") if are_granted else ("revoke", "from")
    return "\n".join(
        f"alter default privileges for role postgres in schema public {change} all on {kind}"
        f" {roles} anon, authenticated, service_role;"
        for kind in ("tables", "functions", "sequences")
    )


def bootstrap_version() -> str:
    """Changes when the text changes."""
    return hashlib.sha256(bootstrap_sql().encode()).hexdigest()


async def apply_bootstrap(connection: asyncpg.Connection, passwords: Passwords) -> None:
    """Apply it to the database of this superuser's connection, all or nothing."""
    async with connection.transaction():
        await connection.execute("set local client_min_messages = error")
        await connection.execute(bootstrap_sql())
        for role in LOGIN_ROLES:
            # Hexadecimal; ALTER ROLE takes no bind parameters.
            await connection.execute(f"alter role {role} password '{passwords.of(role)}'")
