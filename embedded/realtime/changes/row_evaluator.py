"""Evaluation of rows by Postgres: as JSON, against filters, under policies.

All statements run as roles of the API, since types and policies may call functions of users.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from embedded.postgres.connection_errors import CLIENT_ERRORS
from embedded.realtime.access.callers import Caller
from embedded.realtime.changes.filters import ColumnCondition, FilterOperator
from embedded.realtime.changes.tables import ColumnType

Texts: TypeAlias = Mapping[str, str | None]
"""The known values of one row by column, in the text format of their types."""

_SQL_OPERATORS: Final = {
    FilterOperator.EQ: "=",
    FilterOperator.NEQ: "<>",
    FilterOperator.LT: "<",
    FilterOperator.LTE: "<=",
    FilterOperator.GT: ">",
    FilterOperator.GTE: ">=",
    FilterOperator.LIKE: "like",
    FilterOperator.ILIKE: "ilike",
    FilterOperator.MATCH: "~",
    FilterOperator.IMATCH: "~*",
    FilterOperator.ISDISTINCT: "is distinct from",
}
_TEXT_OPERATORS: Final = {
    FilterOperator.LIKE,
    FilterOperator.ILIKE,
    FilterOperator.MATCH,
    FilterOperator.IMATCH,
}
_TEXT: Final = "pg_catalog.text"
UNREACHABLE: Final = (
    *CLIENT_ERRORS,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
)
"""Errors of the connection, not of the statement; a cancelled statement is not included."""

_SWITCH_ROLE: Final = """
select set_config('role', $1::text, true),
  set_config('search_path', 'public, extensions', true),
  set_config('request.jwt.claims', $2, true),
  set_config('request.jwt.claim.sub', $3, true),
  set_config('request.jwt.claim.role', $1::text, true)
"""


@dataclass(frozen=True, slots=True)
class _Parameters:
    """The bound values of a statement; values of clients are never part of its text."""

    values: list[object]

    def add(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


class RowEvaluator:
    """Evaluates rows over connections of `authenticator`."""

    def __init__(self, requests: asyncpg.Pool) -> None:
        self._requests = requests

    async def render(
        self, rows: Sequence[Texts], types: Mapping[str, ColumnType]
    ) -> list[dict[str, str]]:
        """Return the values of each row as JSON."""
        columns = sorted(set().union(*rows))
        if not columns:
            return [{} for _ in rows]
        parameters = _Parameters([])
        source = _build_source(rows, columns, types, parameters)
        values = ", ".join(
            f"coalesce(to_jsonb(row.{_quote(name)})::text, 'null')" for name in columns
        )
        statement = f"select {values} from {source} as row order by row.number__"  # noqa: S608 - quoted
        async with self._begin("service_role", {}) as connection:
            records = await connection.fetch(statement, *parameters.values)
        return [
            {name: record[at] for at, name in enumerate(columns) if name in row}
            for row, record in zip(rows, records, strict=True)
        ]

    async def match(
        self,
        rows: Sequence[Texts],
        types: Mapping[str, ColumnType],
        conditions: Sequence[ColumnCondition],
    ) -> list[bool]:
        """Return whether each row passes all conditions; rows that lack a column do not."""
        columns = sorted({each.column for each in conditions})
        parameters = _Parameters([])
        source = _build_source(rows, columns, types, parameters)
        test = " and ".join(
            _build_test(each, types[each.column], parameters) for each in conditions
        )
        statement = f"select coalesce({test}, false) from {source} as row order by row.number__"  # noqa: S608 - quoted
        async with self._begin("service_role", {}) as connection:
            records = await connection.fetch(statement, *parameters.values)
        return [
            record[0] and all(name in row for name in columns)
            for row, record in zip(rows, records, strict=True)
        ]

    async def find_visible(
        self,
        caller: Caller,
        table: str,
        keys: Sequence[Texts],
        types: Mapping[str, ColumnType],
    ) -> list[bool]:
        """Return whether the caller's policies show each of the rows with these keys.

        Args:
            caller: whose role and claims the policies see.
            table: its quoted name.
            keys: the columns of the primary key, per row.
            types: of these columns.
        """
        columns = sorted(types)
        parameters = _Parameters([])
        source = _build_source(keys, columns, types, parameters)
        same = " and ".join(f"it.{_quote(name)} = row.{_quote(name)}" for name in columns)
        statement = (
            f"select exists (select from {table} as it where {same})"  # noqa: S608 - quoted
            f" from {source} as row order by row.number__"
        )
        async with self._begin(caller.role, caller.claims) as connection:
            return [record[0] for record in await connection.fetch(statement, *parameters.values)]

    @asynccontextmanager
    async def _begin(
        self, role: str, claims: Mapping[str, object]
    ) -> AsyncIterator[PoolConnectionProxy]:
        async with self._requests.acquire() as connection, connection.transaction(readonly=True):
            await connection.execute(
                _SWITCH_ROLE, role, json.dumps(claims), str(claims.get("sub") or "")
            )
            yield connection


def quote_table(schema: str, name: str) -> str:
    """Return the quoted name of a table."""
    return f"{_quote(schema)}.{_quote(name)}"


def _quote(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _build_source(
    rows: Sequence[Texts],
    columns: Sequence[str],
    types: Mapping[str, ColumnType],
    parameters: _Parameters,
) -> str:
    """Return a table expression of the rows, numbered in their order."""
    arrays = [parameters.add([row.get(name) for row in rows]) for name in columns]
    listed = ", ".join(f"{each}::text[]" for each in arrays)
    raw = [f"c{number}" for number in range(len(columns))]
    cast = "".join(
        f"raw.{each}::{types[name].cast_to} as {_quote(name)}, "
        for each, name in zip(raw, columns, strict=True)
    )
    return (
        f"(select {cast}raw.number__ from unnest({listed})"  # noqa: S608 - quoted
        f" with ordinality as raw({', '.join(raw)}, number__))"
    )


def _build_test(condition: ColumnCondition, kind: ColumnType, parameters: _Parameters) -> str:
    left, cast_to = f"row.{_quote(condition.column)}", kind.cast_to
    operator = condition.operator
    if operator is FilterOperator.IS:
        test = f"{left} is {condition.values[0]}"  # one of four words, checked by the parser
    elif operator is FilterOperator.IN:
        # Separate values, since not every type has a named array type.
        listed = ", ".join(
            f"{parameters.add(value)}::text::{cast_to}" for value in condition.values
        )
        test = f"{left} in ({listed})" if listed else "false"
    else:
        if operator in _TEXT_OPERATORS:
            left, cast_to = f"{left}::text", _TEXT
        value = f"{parameters.add(condition.values[0])}::text::{cast_to}"
        test = f"{left} {_SQL_OPERATORS[operator]} {value}"
    return f"not ({test})" if condition.is_negated else f"({test})"
