"""Draft the migration that takes a database from all migrations so far to the schema."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from cogo.migrations import Migration, migrate
from embedded.postgres.cluster import Postgres
from scripts.schema.catalogue import differences, read_catalogue
from scripts.schema.statements import Step, plan_steps

TODO: Final = "-- TODO: "


class SchemaInvalid(Exception):
    """A file of the schema cannot be applied; the message names it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The statements of a migration, and what a person has to write into it."""

    statements: Sequence[str]
    todos: Sequence[str]

    def text(self, version: str, name: str) -> str:
        """Return the text of the file; it records the migration as applied."""
        parts = [
            f"-- {name.replace('_', ' ').capitalize()}.\n",
            *(f"{TODO}{each}\n" for each in self.todos),
            "-- Functions may refer to what is created later in this file.\n"
            "set local check_function_bodies = off;\n",
            *(f"{each};\n" for each in self.statements),
            recording(version),
        ]
        return "\n".join(parts)


def recording(version: str) -> str:
    """Return the statement by which a migration records itself."""
    return (
        f"insert into cogo.schema_versions (version) values ('{version}')\n"  # noqa: S608
        "on conflict (version) do nothing;\n"
    )


def draft_migration(schemas: Mapping[str, str], known: Sequence[Migration]) -> Draft:
    """Draft what takes a database from these migrations to this schema, on a temporary Postgres.

    Raises SchemaInvalid and MigrationFailed.
    """
    with tempfile.TemporaryDirectory(prefix="cogo-schema-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # Postgres may enter it, also if we are root
        return asyncio.run(_draft_on(directory, schemas, known))


async def _draft_on(
    directory: Path, schemas: Mapping[str, str], known: Sequence[Migration]
) -> Draft:
    async with Postgres(directory) as postgres:
        for database in ("road", "state"):
            await _create(postgres.dsn("supabase_admin", "template1"), database)
        road, state = (postgres.dsn("postgres", each) for each in ("road", "state"))
        await migrate(road, known)
        await apply_schemas(state, schemas)
        return await draft_between(road, state)


async def draft_between(road: str, state: str) -> Draft:
    """Apply to the database `road` what takes it to `state`; return what that was."""
    wanted = await read_catalogue(state)
    steps = plan_steps(await read_catalogue(road), wanted)
    done, failed = await _apply(road, [step for step in steps if step.sql])
    todos = [step.todo for step in steps if step.todo]
    todos += [f"this failed ({reason}):\n--   {_commented(step.sql)}" for step, reason in failed]
    if not todos:
        left = differences(await read_catalogue(road), wanted)
        todos = [f"this still differs: {each}" for each in left]
    return Draft([step.sql for step in done], todos)


async def apply_schemas(url: str, schemas: Mapping[str, str]) -> None:
    """Create the schema, each of its files in a transaction. Raise `SchemaInvalid` if one fails."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set client_min_messages = warning")
        for name, text in schemas.items():
            try:
                async with connection.transaction():
                    await connection.execute(text)
            except asyncpg.PostgresError as error:
                raise SchemaInvalid(f"supabase/schemas/{name}: {error}") from error
    finally:
        await connection.close()


async def _apply(url: str, steps: Sequence[Step]) -> tuple[list[Step], list[tuple[Step, str]]]:
    """Apply steps in an order in which they succeed; return it, and those that never do."""
    done: list[Step] = []
    waiting = list(steps)
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("set local check_function_bodies = off")
            while True:
                failed = []
                for step in waiting:
                    try:
                        async with connection.transaction():
                            await connection.execute(step.sql)
                        done.append(step)
                    except asyncpg.PostgresError as error:
                        failed.append((step, str(error)))
                if not failed or len(failed) == len(waiting):
                    return done, failed
                waiting = [step for step, _ in failed]
    finally:
        await connection.close()


async def _create(url: str, database: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f'create database "{database}" template postgres owner postgres')
    finally:
        await connection.close()


def _commented(sql: str) -> str:
    return sql.replace("\n", "\n--   ")
