"""The SQL that gives a new Postgres the schema of a hosted Supabase project."""

import hashlib
from pathlib import Path
from typing import Final

import asyncpg

from embedded.postgres.role_passwords import LOGIN_ROLES, Passwords

_FOLDER: Final = Path(__file__).parent / "sql"
_FILES: Final = (
    "roles.sql", "extensions.sql", "auth.sql", "realtime.sql", "storage.sql", "watch.sql",
)  # fmt: skip
"""In the order of their dependencies."""


def read_bootstrap_sql() -> str:
    """Return the SQL, which can also be applied to a database with an earlier version."""
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _FILES)


def build_default_privileges_sql(*, are_granted: bool) -> str:
    """Return SQL that grants new objects of `public` to the API roles, or ends that."""
    change, roles = ("grant", "to") if are_granted else ("revoke", "from")
    return "\n".join(
        f"alter default privileges for role postgres in schema public {change} all on {kind}"
        f" {roles} anon, authenticated, service_role;"
        for kind in ("tables", "functions", "sequences")
    )


def compute_bootstrap_version() -> str:
    """Return a hash of the SQL."""
    return hashlib.sha256(read_bootstrap_sql().encode()).hexdigest()


async def apply_bootstrap(connection: asyncpg.Connection, passwords: Passwords) -> None:
    """Apply the SQL in one transaction, as the superuser of this connection."""
    async with connection.transaction():
        await connection.execute("set local client_min_messages = error")
        await connection.execute(read_bootstrap_sql())
        for role in LOGIN_ROLES:
            # Hexadecimal, since ALTER ROLE takes no bind parameters.
            await connection.execute(f"alter role {role} password '{passwords.for_role(role)}'")
