"""What only the owner of a table may do: calls over a direct connection."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg

from cogo.cli.columns.format import count_things
from cogo.cli.columns.statement import ColumnSettings, build_preview, quote_table
from cogo.config.connection import find_database_url
from cogo.config.context import Project
from cogo.config.database import Database, connect_database
from cogo.errors import CommandError
from cogo.wiring.stores import build_cli_operator
from protocol.errors import MigrationMissing
from protocol.records.columns import ColumnSample

COUNT_SECONDS: Final = 5
_GUESS: Final = """
    select greatest(c.reltuples, 0) * coalesce(
             (select s.null_frac from pg_stats s
               where (s.schemaname, s.tablename, s.attname) = (n.nspname, c.relname, $2)), 1)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = $1::regclass
"""


@dataclass(frozen=True, slots=True)
class RowCount:
    """A number of rows."""

    rows: int
    is_guess: bool = False
    """Whether it is the planner's, since counting would take too long."""

    def describe(self, noun: str | None = "row") -> str:
        """Return it for a person, without a noun if it is None."""
        number = f"{self.rows:,}" if noun is None else count_things(self.rows, noun)
        return f"about {number}" if self.is_guess else number


@asynccontextmanager
async def open_tables(project: Project) -> AsyncIterator[Database]:
    """Open a connection as the owner of the tables. Errors of SQL become CommandError."""
    async with connect_database(find_database_url(project)) as database:
        await database.set_type_codec(
            "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )
        who = build_cli_operator().who
        await database.execute("select set_config('cogo.who', $1, false)", who)
        with explain_refusals():
            yield database


async def fetch_samples(
    database: Database, settings: ColumnSettings, *, rows: int
) -> list[ColumnSample]:
    """Return what would be submitted for some rows, those without a value first."""
    found = await database.fetch(build_preview(settings, rows=rows))
    return [ColumnSample.model_validate(dict(each)) for each in found]


async def count_empty_rows(database: Database, settings: ColumnSettings) -> RowCount:
    """Count the rows without a value, for a few seconds; else return the planner's guess."""
    table = quote_table(settings.table)
    column = '"{}"'.format(settings.column.replace('"', '""'))
    try:
        async with database.transaction():
            await database.execute(f"set local statement_timeout = '{COUNT_SECONDS}s'")
            query = f"select count(*) from {table} where {column} is null"  # noqa: S608 - quoted
            return RowCount(await database.fetchval(query))
    except asyncpg.QueryCanceledError:
        guess = await database.fetchval(_GUESS, table, settings.column)
        return RowCount(int(guess or 0), is_guess=True)


@contextmanager
def explain_refusals() -> Iterator[None]:
    """Raise CommandError for a refusal of the database, with its hint."""
    try:
        yield
    except (asyncpg.UndefinedFunctionError, asyncpg.InvalidSchemaNameError) as error:
        raise MigrationMissing(
            f"this database cannot do it: {error.args[0]}", hint="run `cogo migrate`"
        ) from error
    except asyncpg.UndefinedTableError as error:
        raise CommandError(
            f"there is no such table: {error.args[0]}",
            hint="name it with its schema, as in public.tickets",
        ) from error
    except asyncpg.PostgresError as error:
        # The text of the error repeats the hint.
        raise CommandError(str(error.args[0]), hint=getattr(error, "hint", None)) from error
