"""The catalogue's data about tables whose rows change."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg

from embedded.realtime.changes.slot import PUBLICATION

_TABLE: Final = """
select relation.relrowsecurity as has_policies,
  array(
    select attribute.attname::text from pg_catalog.pg_index as key
    join pg_catalog.pg_attribute as attribute
      on attribute.attrelid = key.indrelid and attribute.attnum = any(key.indkey)
    where key.indrelid = relation.oid and key.indisprimary
  ) as keys
from pg_catalog.pg_class as relation where relation.oid = $1
"""
_TYPES: Final = """
select type.oid, type.typname::text as name,
  -- A type that the API may not name is read as text.
  case when has_schema_privilege('service_role', type.typnamespace, 'usage')
    then case when space.nspname = 'pg_catalog' then '' else quote_ident(space.nspname) || '.' end
      || quote_ident(type.typname)
    else 'pg_catalog.text'
  end as cast_to
from pg_catalog.pg_type as type
join pg_catalog.pg_namespace as space on space.oid = type.typnamespace
where type.oid = any($1::oid[])
"""
_READERS: Final = """
select role.rolname::text as role, role.rolbypassrls or role.rolsuper as bypasses,
  array(
    select attribute.attname::text from pg_catalog.pg_attribute as attribute
    where attribute.attrelid = $1 and attribute.attnum > 0 and not attribute.attisdropped
      and has_column_privilege(role.oid, $1::oid, attribute.attnum, 'select')
  ) as columns
from pg_catalog.pg_roles as role
where role.rolname = any($2::text[]) and pg_has_role('authenticator', role.oid, 'member')
"""
_PUBLISHED: Final = f"""
select format('%I.%I', schemaname, tablename)::regclass::oid as oid
from pg_catalog.pg_publication_tables
where pubname = '{PUBLICATION}' and ($1 = '*' or schemaname = $1) and ($2 = '*' or tablename = $2)
"""  # noqa: S608 - a constant
_COLUMNS: Final = """
select attname::text as name, atttypid as type from pg_catalog.pg_attribute
where attrelid = $1 and attnum > 0 and not attisdropped
"""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """The name of a type for clients, and for casts in SQL."""

    name: str
    cast_to: str


@dataclass(frozen=True, slots=True)
class ReadAccess:
    """The rights of a role to read a table."""

    bypasses: bool
    """Whether policies do not apply."""
    columns: frozenset[str]


NO_ACCESS: Final = ReadAccess(bypasses=False, columns=frozenset())


@dataclass(frozen=True, slots=True)
class ChangedTable:
    """A table at the time of the delivery of its changes."""

    has_policies: bool
    keys: frozenset[str]
    types: Mapping[int, ColumnType]
    access_by_role: Mapping[str, ReadAccess]


class TableCatalogue:
    """Reads the catalogue, without a cache since it may change at any time."""

    def __init__(self, admin: asyncpg.Pool) -> None:
        self._admin = admin

    async def fetch(
        self, oid: int, types: Collection[int], roles: Collection[str]
    ) -> ChangedTable | None:
        """Return a table with its types and the rights of roles; None if it was dropped."""
        row = await self._admin.fetchrow(_TABLE, oid)
        if row is None:
            return None
        return ChangedTable(
            has_policies=row["has_policies"],
            keys=frozenset(row["keys"]),
            types=await self._fetch_types(types),
            access_by_role={
                each["role"]: ReadAccess(each["bypasses"], frozenset(each["columns"]))
                for each in await self._admin.fetch(_READERS, oid, list(roles))
            },
        )

    async def fetch_published(self, schema: str, table: str) -> list[int]:
        """Return the published tables that match these names or `*`."""
        return [row["oid"] for row in await self._admin.fetch(_PUBLISHED, schema, table)]

    async def fetch_columns(self, oid: int, role: str) -> dict[str, ColumnType]:
        """Return the columns that a role may read."""
        rows = await self._admin.fetch(_COLUMNS, oid)
        types = await self._fetch_types([row["type"] for row in rows])
        access_by_role = await self._admin.fetch(_READERS, oid, [role])
        readable = set(access_by_role[0]["columns"]) if access_by_role else set()
        return {row["name"]: types[row["type"]] for row in rows if row["name"] in readable}

    async def _fetch_types(self, oids: Collection[int]) -> dict[int, ColumnType]:
        rows = await self._admin.fetch(_TYPES, list(oids))
        return {row["oid"]: ColumnType(row["name"], row["cast_to"]) for row in rows}
