"""The values of rows as Postgres understands them: as JSON, against filters, under policies.

All of it runs as roles of the API: types and policies may call functions that users wrote.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from embedded.realtime.access.callers import Visitor
from embedded.realtime.changes.filters import Condition, Operator
from embedded.realtime.changes.tables import Type

Texts: TypeAlias = Mapping[str, str | None]
"""The known values of one row, in the text format of their types, by column."""

_SQL_OPERATORS: Final = {
    Operator.EQ: "=",
    Operator.NEQ: "<>",
    Operator.LT: "<",
    Operator.LTE: "<=",
    Operator.GT: ">",
    Operator.GTE: ">=",
    Operator.LIKE: "like",
    Operator.ILIKE: "ilike",
    Operator.MATCH: "~",
    Operator.IMATCH: "~*",
    Operator.ISDISTINCT: "is distinct from",
}
_OF_TEXT: Final = {Operator.LIKE, Operator.ILIKE, Operator.MATCH, Operator.IMATCH}
_TEXT: Final = "pg_catalog.text"
UNREACHABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
)
"""The database is away, whatever was asked; a cancelled statement is not among them."""

_BECOME: Final = """
select set_config('role', $1::text, true),
  set_config('search_path', 'public, extensions', true),
  set_config('request.jwt.claims', $2, true),
  set_config('request.jwt.claim.sub', $3, true),
  set_config('request.jwt.claim.role', $1::text, true)
"""


@dataclass(frozen=True, slots=True)
class _Parameters:
    """Collects the values of a statement: what clients say never stands in its text."""

    values: list[object]

    def add(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


class Rows:
    """Asks over connections of `authenticator`."""

    def __init__(self, requests: asyncpg.Pool) -> None:
        self._requests = requests

    async def render(
        self, rows: Sequence[Texts], types: Mapping[str, Type]
    ) -> list[dict[str, str]]:
        """Each value as JSON, in the order of the rows."""
        columns = sorted(set().union(*rows))
        if not columns:
            return [{} for _ in rows]
        parameters = _Parameters([])
        source = _unnest(rows, columns, types, parameters)
        wanted = ", ".join(
            f"coalesce(to_jsonb(row.{_quoted(name)})::text, 'null')" for name in columns
        )
        statement = f"select {wanted} from {source} as row order by row.number__"  # noqa: S608 - quoted
        async with self._visit("service_role", {}) as connection:
            records = await connection.fetch(statement, *parameters.values)
        return [
            {name: record[at] for at, name in enumerate(columns) if name in row}
            for row, record in zip(rows, records, strict=True)
        ]

    async def match(
        self,
        rows: Sequence[Texts],
        types: Mapping[str, Type],
        conditions: Sequence[Condition],
    ) -> list[bool]:
        """Which rows pass all conditions; a row without one of their columns does not."""
        columns = sorted({each.column for each in conditions})
        parameters = _Parameters([])
        source = _unnest(rows, columns, types, parameters)
        test = " and ".join(_test(each, types[each.column], parameters) for each in conditions)
        statement = f"select coalesce({test}, false) from {source} as row order by row.number__"  # noqa: S608 - quoted
        async with self._visit("service_role", {}) as connection:
            records = await connection.fetch(statement, *parameters.values)
        return [
            record[0] and all(name in row for name in columns)
            for row, record in zip(rows, records, strict=True)
        ]

    async def visible(
        self,
        visitor: Visitor,
        table: str,
        keys: Sequence[Texts],
        types: Mapping[str, Type],
    ) -> list[bool]:
        """Which of the rows with these keys the visitor's policies show.

        Args:
            visitor: whose role and claims the policies see.
            table: its quoted name.
            keys: of each row, the columns of the primary key.
            types: of these columns.
        """
        columns = sorted(types)
        parameters = _Parameters([])
        source = _unnest(keys, columns, types, parameters)
        same = " and ".join(f"it.{_quoted(name)} = row.{_quoted(name)}" for name in columns)
        statement = (
            f"select exists (select from {table} as it where {same})"  # noqa: S608 - quoted
            f" from {source} as row order by row.number__"
        )
        async with self._visit(visitor.role, visitor.claims) as connection:
            return [record[0] for record in await connection.fetch(statement, *parameters.values)]

    @asynccontextmanager
    async def _visit(
        self, role: str, claims: Mapping[str, object]
    ) -> AsyncIterator[PoolConnectionProxy]:
        async with self._requests.acquire() as connection, connection.transaction(readonly=True):
            await connection.execute(
                _BECOME, role, json.dumps(claims), str(claims.get("sub") or "")
            )
            yield connection


def quoted_table(schema: str, name: str) -> str:
    """Give the name of a table as SQL has it."""
    return f"{_quoted(schema)}.{_quoted(name)}"


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _unnest(
    rows: Sequence[Texts],
    columns: Sequence[str],
    types: Mapping[str, Type],
    parameters: _Parameters,
) -> str:
    """Give a table expression of the rows, numbered in their order."""
    arrays = [parameters.add([row.get(name) for row in rows]) for name in columns]
    listed = ", ".join(f"{each}::text[]" for each in arrays)
    raw = [f"c{number}" for number in range(len(columns))]
    cast = "".join(
        f"raw.{each}::{types[name].cast_to} as {_quoted(name)}, "
        for each, name in zip(raw, columns, strict=True)
    )
    return (
        f"(select {cast}raw.number__ from unnest({listed})"  # noqa: S608 - quoted
        f" with ordinality as raw({', '.join(raw)}, number__))"
    )


def _test(condition: Condition, kind: Type, parameters: _Parameters) -> str:
    left, cast_to = f"row.{_quoted(condition.column)}", kind.cast_to
    operator = condition.operator
    if operator is Operator.IS:
        test = f"{left} is {condition.values[0]}"  # one of four words, as the parser saw to
    elif operator is Operator.IN:
        # Each value apart: an array of a type cannot be named for every type.
        listed = ", ".join(
            f"{parameters.add(value)}::text::{cast_to}" for value in condition.values
        )
        test = f"{left} in ({listed})" if listed else "false"
    else:
        if operator in _OF_TEXT:
            left, cast_to = f"{left}::text", _TEXT
        value = f"{parameters.add(condition.values[0])}::text::{cast_to}"
        test = f"{left} {_SQL_OPERATORS[operator]} {value}"
    return f"not ({test})" if condition.is_negated else f"({test})"
