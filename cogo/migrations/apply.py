"""Applying migrations, with the history that `supabase db push` keeps.

The history's table and insert are those of the Supabase CLI
(https://github.com/supabase/cli, pkg/migration), so both tools can be used on one database.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from cogo.config.database import Database, connect_database
from cogo.errors import MigrationFailed
from cogo.migrations.files import Migration, split_statements

_LOCK: Final = 0x636F676F
"""Advisory lock: "cogo" in ASCII. Concurrent runs take turns file by file."""

_HISTORY: Final = """
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations
        (version text not null primary key);
    alter table supabase_migrations.schema_migrations add column if not exists statements text[];
    alter table supabase_migrations.schema_migrations add column if not exists name text;
"""
_APPLIED: Final = "select version from supabase_migrations.schema_migrations"
_KNOWN: Final = "select to_regclass('supabase_migrations.schema_migrations') is not null"
_HAS_RECORDS: Final = "select to_regclass('cogo.schema_versions') is not null"
_RECORDED: Final = "select version from cogo.schema_versions order by version"
_RECORD: Final = """
    insert into supabase_migrations.schema_migrations (version, name, statements)
    values ($1, $2, $3)
"""
_RECORD_OURS: Final = "insert into cogo.schema_versions (version) select unnest($1::text[])"


@dataclass(frozen=True, slots=True)
class Migrated:
    """Versions that were already applied, and those that were applied now (or would be)."""

    present: tuple[str, ...]
    applied: tuple[str, ...]


async def migrate(
    db_url: str,
    migrations: Sequence[Migration],
    *,
    schema: str | None = None,
    home: Path | None = None,
    dry_run: bool = False,
    on_applied: Callable[[int, int], None] = lambda _done, _missing: None,
) -> Migrated:
    """Apply the missing migrations in order, each file in one transaction.

    A file that fails is rolled back and stops the run; earlier ones remain applied. Other
    applications' migrations in the same history are ignored. `schema` is what all migrations lead
    to: a database that has none of them gets it in their place, which takes half the time. `home`
    is the state directory of the embedded server, None for another database. `on_applied` gets how
    many files are applied, and how many were missing. Raises MigrationFailed.
    """
    async with connect_database(db_url, failure=MigrationFailed) as connection:
        await _refuse_unknown(connection, migrations, home)
        present = await _present(connection)
        missing = [each for each in migrations if each.version not in present]
        is_created = False
        if schema is not None and not present and not dry_run:
            is_created = await _create(connection, missing, schema)
        if not is_created and not dry_run:
            missing = await _apply_all(connection, missing, on_applied)
    return Migrated(
        present=tuple(each.version for each in migrations if each.version in present),
        applied=tuple(each.version for each in missing),
    )


async def _refuse_unknown(
    connection: Database,
    migrations: Sequence[Migration],
    home: Path | None,
) -> None:
    """Raise `MigrationFailed` if another version of COGO has written this schema."""
    try:
        if not await connection.fetchval(_HAS_RECORDS):
            return
        recorded = [row["version"] for row in await connection.fetch(_RECORDED)]
    except asyncpg.PostgresError as error:
        raise _build_failure("the versions in cogo.schema_versions", error) from error
    known = {each.version for each in migrations}
    unknown = [version for version in recorded if version not in known]
    if unknown and unknown[0] < min(known, default=""):
        raise MigrationFailed(
            f"the schema of this database ({unknown[0]}) was written by a version before the "
            f"release of COGO 0.1.0 and cannot be upgraded: {_describe_way_out(home)}"
        )
    if unknown:
        raise MigrationFailed(
            f"the schema of this database ({unknown[-1]}) is newer than this version of COGO: "
            "use the version that wrote it, or a later one"
        )


def _describe_way_out(home: Path | None) -> str:
    if home is None:
        return "use another database"
    # Always with the directory, because without it the command could delete other data.
    directory = shlex.quote(str(home))
    return f"use another --dir, or delete all data with `cogo supabase reset --dir {directory}`"


async def _present(connection: Database) -> set[str]:
    try:
        if not await connection.fetchval(_KNOWN):
            return set()
        return {row["version"] for row in await connection.fetch(_APPLIED)}
    except asyncpg.PostgresError as error:
        raise _build_failure("the history in schema supabase_migrations", error) from error


async def _create(connection: Database, migrations: Sequence[Migration], schema: str) -> bool:
    """Create the schema, with all migrations recorded; return False if there is a part of it."""
    try:
        async with connection.transaction():
            await connection.execute(f"select pg_advisory_xact_lock({_LOCK})")
            if await _present(connection) or await connection.fetchval(_HAS_RECORDS):
                return False
            await connection.execute("set local check_function_bodies = off")
            await connection.execute(schema)
            await connection.execute(_HISTORY)
            await connection.executemany(
                _RECORD,
                [(each.version, each.name, split_statements(each.sql)) for each in migrations],
            )
            await connection.execute(_RECORD_OURS, [each.version for each in migrations])
    except asyncpg.PostgresError as error:
        raise _build_failure("the schema", error) from error
    return True


async def _apply_all(
    connection: Database, missing: Sequence[Migration], on_applied: Callable[[int, int], None]
) -> list[Migration]:
    """Apply files; return those that no other run has applied in the meantime."""
    applied = []
    for number, each in enumerate(missing):
        on_applied(number, len(missing))
        if await _apply(connection, each):
            applied.append(each)
    return applied


async def _apply(connection: Database, migration: Migration) -> bool:
    """Apply one file; return False if another run has applied it in the meantime."""
    try:
        # Settings that the previous file made for its session must not affect this one.
        await connection.execute("reset all")
        async with connection.transaction():
            await connection.execute("set local lock_timeout = '10s'")
            await connection.execute(f"select pg_advisory_xact_lock({_LOCK})")
            await connection.execute(_HISTORY)
            if migration.version in {row["version"] for row in await connection.fetch(_APPLIED)}:
                return False
            await connection.execute(migration.sql)
            await connection.execute(
                _RECORD, migration.version, migration.name, split_statements(migration.sql)
            )
    except asyncpg.PostgresError as error:
        raise _build_failure(f"{migration.version}_{migration.name}.sql", error) from error
    return True


def _build_failure(what: str, error: asyncpg.PostgresError) -> MigrationFailed:
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return MigrationFailed(
            f"{what}: {error}; connect as the role postgres (SUPABASE_DB_URL names the role)"
        )
    if isinstance(error, asyncpg.LockNotAvailableError):
        return MigrationFailed(f"{what}: a lock was not available within 10 s; run it again")
    return MigrationFailed(
        f"{what}: {error} (SQLSTATE {error.sqlstate}); nothing of it was written"
    )
