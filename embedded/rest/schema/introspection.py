"""Reading the schema from pg_catalog, and its cache."""

# Every identifier comes from the schema cache and is quoted; every value is bound.
# ruff: noqa: S608

import asyncio
from collections import defaultdict
from dataclasses import replace
from typing import Any, Final, TypeAlias

import asyncpg

from embedded.postgres.connection_errors import CLIENT_ERRORS
from embedded.postgres.database import Database
from embedded.rest.errors import ApiError
from embedded.rest.request.headers import EXPOSED_SCHEMA
from embedded.rest.schema.objects import (
    BODY_TYPES,
    Column,
    Function,
    FunctionArgument,
    Relation,
    ResultKind,
    Schema,
    build_scalar_relation,
    parse_settings,
    quote_identifier,
)
from embedded.rest.schema.relationships import ForeignKey, find_relationships

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

# Domains are cast to their base type, since their checks are for rows, not for filters.
_BASE_TYPE: Final = """
  case when t.typtype = 'd'
       then (with recursive bases(id, kind) as (
               select b.oid, b.typtype from pg_type b where b.oid = t.typbasetype
               union all
               select b.oid, b.typtype
                 from bases join pg_type d on d.oid = bases.id
                      join pg_type b on b.oid = d.typbasetype
                where bases.kind = 'd')
             select format_type(id, -1) from bases where kind <> 'd')
       else format_type(t.oid, -1) end
"""

_RELATIONS: Final = f"""
select c.oid::int8 as id, c.relname as name, c.relkind in ('r', 'p') as is_table,
       c.relkind = 'p' as is_partitioned,
       c.relkind = 'c' as is_type, obj_description(c.oid, 'pg_class') as comment,
       c.relnamespace = $1::text::regnamespace as is_exposed,
       coalesce(array(
         select a.attname from pg_index i
           join unnest(i.indkey) with ordinality as k(attnum, position) on true
           join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
          where i.indrelid = c.oid and i.indisprimary order by k.position), '{{}}')::text[]
         as primary_key,
       array(select a.attname from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
              order by a.attnum)::text[] as column_names,
       array(select {_BASE_TYPE} from pg_attribute a join pg_type t on t.oid = a.atttypid
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
              order by a.attnum)::text[] as column_types,
       array(select case when a.attidentity <> ''
                         then format('nextval(%L)', pg_get_serial_sequence(
                           quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname))
                         when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end
               from pg_attribute a
               left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
              order by a.attnum)::text[] as column_defaults,
       array(select not a.attnotnull from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
              order by a.attnum) as column_nullables
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where (n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c'))
    or c.reltype in (select p.prorettype from pg_proc p
                       where p.pronamespace = $1::text::regnamespace)
"""

# A view has the foreign keys of the columns that it selects unchanged: its stored query has the
# table and column of origin of each of its columns (resno, resname).
_FOREIGN_KEYS: Final = """
with faces as (
  select c.oid as relation, c.relname::text as name, c.oid as base, a.attnum, a.attname::text
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
   where c.relnamespace = $1::text::regnamespace and c.relkind in ('r', 'p', 'f')
     and not a.attisdropped
  union
  select c.oid, c.relname::text, shown[3]::oid, shown[4]::int2, a.attname::text
    from pg_class c join pg_rewrite r on r.ev_class = c.oid and r.ev_type = '1'
   cross join regexp_matches(r.ev_action::text,
           ':resno (\\d+) :resname (\\S+) :ressortgroupref \\d+'
           || ' :resorigtbl (\\d+) :resorigcol (\\d+) :resjunk false', 'g') as shown
    join pg_attribute a on a.attrelid = c.oid and a.attnum = shown[1]::int2
                       and a.attname = shown[2]
   where c.relnamespace = $1::text::regnamespace and c.relkind in ('v', 'm')
)
select k.conname as constraint, o.name as origin, t.name as target, o.columns,
       t.columns as target_columns,
       exists (select from pg_index i
                where i.indrelid = k.conrelid and i.indisunique and i.indpred is null
                  and i.indexprs is null and i.indkey::int2[] <@ k.conkey) as is_unique
  from pg_constraint k
 cross join lateral (
   select f.name, array_agg(f.attname order by x.position) as columns
     from unnest(k.conkey) with ordinality as x(attnum, position)
     join faces f on f.base = k.conrelid and f.attnum = x.attnum
    group by f.name having count(*) = cardinality(k.conkey)) as o
 cross join lateral (
   select f.name, array_agg(f.attname order by x.position) as columns
     from unnest(k.confkey) with ordinality as x(attnum, position)
     join faces f on f.base = k.confrelid and f.attnum = x.attnum
    group by f.name having count(*) = cardinality(k.confkey)) as t
 where k.contype = 'f' and k.conparentid = 0
 order by k.conname, o.name, t.name
"""

_FUNCTIONS: Final = """
select p.proname as name, p.provolatile = 'v' as is_volatile, p.proretset as returns_set,
       p.provariadic <> 0 as is_variadic, p.pronargs::int4 as inputs,
       p.pronargdefaults::int4 as defaults,
       coalesce(p.proargnames, '{}')::text[] as names,
       coalesce(p.proargmodes::text[], '{}') as modes,
       array(select format_type(x.type, -1)
               from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]))
                    with ordinality as x(type, position)
              order by x.position)::text[] as types,
       (select a.typrelid::int8 from pg_type a
         where a.oid = p.proargtypes[0] and p.pronargs = 1) as row_argument,
       t.typname = 'void' as is_void, t.typrelid::int8 as row_type,
       format_type(t.oid, -1) as result_type,
       (select split_part(s.setting, '=', 2) from unnest(p.proconfig) as s(setting)
         where s.setting like 'statement_timeout=%') as statement_timeout,
       obj_description(p.oid, 'pg_proc') as comment
  from pg_proc p join pg_type t on t.oid = p.prorettype
 where p.pronamespace = $1::text::regnamespace and p.prokind = 'f'
   and t.typname not in ('trigger', 'event_trigger')
"""

_TYPES: Final = """
select t.typname as name, format_type(t.oid, -1) as sql, format_type(t.oid, null) as long_name
  from pg_type t join pg_namespace n on n.oid = t.typnamespace
 where n.nspname in ('pg_catalog', 'extensions', $1)
   and t.typtype in ('b', 'd', 'e', 'r', 'm') and t.typelem = 0
 order by n.nspname = 'pg_catalog'
"""

# Functions of any row can be read like columns: `t.count`, `t.to_jsonb`.
_FUNCTIONS_OF_ANY_ROW: Final = """
select p.proname as name, min(format_type(p.prorettype, -1)) as result_type
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  join pg_type t on t.oid = p.proargtypes[0]
 where n.nspname in ('pg_catalog', 'extensions', $1)
   and p.pronargs > 0 and p.pronargs - p.pronargdefaults <= 1
   and t.typname in ('any', 'anyelement', 'anynonarray', 'anycompatible',
                     'anycompatiblenonarray', 'record')
 group by p.proname
"""

_SETTINGS: Final = """
select split_part(c.setting, '=', 1) as name,
       substr(c.setting, strpos(c.setting, '=') + 1) as value
  from pg_db_role_setting s cross join unnest(s.setconfig) as c(setting)
 where s.setrole = 'authenticator'::regrole and c.setting like 'pgrst.%'
   and s.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
 order by s.setdatabase
"""

# Only settings that any role may change, as `set role` may come first.
_ROLE_SETTINGS: Final = """
select r.rolname as role, split_part(c.setting, '=', 1) as name,
       substr(c.setting, strpos(c.setting, '=') + 1) as value
  from pg_db_role_setting s
  join pg_roles r on r.oid = s.setrole
  cross join unnest(s.setconfig) as c(setting)
  join pg_settings g on g.name = split_part(c.setting, '=', 1) and g.context = 'user'
 where s.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
 order by r.rolname, s.setdatabase, c.setting
"""


class SchemaCache:
    """Cache of the schema, shared by all requests."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._timezones: frozenset[str] | None = None
        self._is_listening = False
        self._schema: Schema | None = None
        self._lock = asyncio.Lock()
        self._requested = 0
        self._loaded = 0

    def invalidate(self) -> None:
        """Make the next request reload the schema; never block or raise."""
        self._requested += 1

    async def get(self) -> Schema:
        """Return the schema, which is reloaded if it was invalidated."""
        if self._schema is not None and self._loaded == self._requested:
            return self._schema
        async with self._lock:
            # Another request may have reloaded it while this one waited.
            if self._schema is None or self._loaded != self._requested:
                await self._listen()
                requested = self._requested
                self._schema = await self._fetch()
                self._loaded = requested
            return self._schema

    async def timezones(self) -> frozenset[str]:
        """Return the time zones of Postgres, which are read once."""
        if self._timezones is None:
            names = await self._database.admin.fetch("select name from pg_timezone_names")
            self._timezones = frozenset(row["name"] for row in names)
        return self._timezones

    async def _listen(self) -> None:
        """Listen for changes before the first load, so that none is missed."""
        if not self._is_listening:
            await self._database.listen("pgrst", lambda _parse_json_body: self.invalidate())
            self._is_listening = True

    async def _fetch(self) -> Schema:
        try:
            async with (
                self._database.admin.acquire() as connection,
                connection.transaction(readonly=True),
            ):
                return await fetch_schema(connection)
        except (*CLIENT_ERRORS, asyncpg.PostgresError) as error:
            message = "Could not query the database for the schema cache. Retrying."
            raise ApiError(503, "PGRST002", message, details=str(error)) from error


async def fetch_schema(connection: Connection) -> Schema:
    """Read the schema in the caller's transaction, whose search_path is emptied."""
    # Without a path, format_type qualifies all names outside of pg_catalog.
    await connection.execute("select set_config('search_path', '', true)")
    relations = await connection.fetch(_RELATIONS, EXPOSED_SCHEMA)
    keys = await connection.fetch(_FOREIGN_KEYS, EXPOSED_SCHEMA)
    functions = await connection.fetch(_FUNCTIONS, EXPOSED_SCHEMA)
    types = await connection.fetch(_TYPES, EXPOSED_SCHEMA)
    role_settings = await connection.fetch(_ROLE_SETTINGS)
    settings = await connection.fetch(_SETTINGS)
    of_any_row = {
        row["name"]: Column(row["name"], row["result_type"])
        for row in await connection.fetch(_FUNCTIONS_OF_ANY_ROW, EXPOSED_SCHEMA)
    }
    by_id = {row["id"]: replace(_build_relation(row), computed=of_any_row) for row in relations}
    computed: defaultdict[int, dict[str, Column]] = defaultdict(lambda: dict(of_any_row))
    for row in functions:
        if row["row_argument"] and not row["returns_set"] and not row["is_void"]:
            computed[row["row_argument"]][row["name"]] = Column(row["name"], row["result_type"])
    exposed = {
        row["name"]: replace(by_id[row["id"]], computed=computed[row["id"]])
        for row in relations
        if row["is_exposed"] and not row["is_type"]
    }
    overloads: defaultdict[str, list[Function]] = defaultdict(list)
    for row in functions:
        function = _build_function(row, by_id.get(row["row_type"]))
        if _is_callable(function):
            rows = replace(function.rows, computed=of_any_row)
            overloads[row["name"]].append(replace(function, rows=rows))
    by_role: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in role_settings:
        by_role[row["role"]][row["name"]] = row["value"]
    return Schema(
        relations=exposed,
        relationships=find_relationships(exposed, [_build_foreign_key(row) for row in keys]),
        functions={name: tuple(found) for name, found in overloads.items()},
        types=_build_type_names(types),
        role_settings=dict(by_role),
        settings=parse_settings({row["name"]: row["value"] for row in settings}),
    )


def _build_relation(row: Any) -> Relation:
    columns = zip(
        row["column_names"],
        row["column_types"],
        row["column_defaults"],
        row["column_nullables"],
        strict=True,
    )
    return Relation(
        # Types that are not exposed have no name, and so no relationships.
        name=row["name"] if row["is_exposed"] else "",
        sql=_qualify(row["name"]),
        columns={column[0]: Column(*column) for column in columns},
        primary_key=tuple(row["primary_key"]),
        is_table=row["is_table"],
        is_partitioned=row["is_partitioned"],
        comment=row["comment"],
    )


def _build_foreign_key(row: Any) -> ForeignKey:
    return ForeignKey(
        constraint=row["constraint"],
        origin=row["origin"],
        target=row["target"],
        columns=tuple(zip(row["columns"], row["target_columns"], strict=True)),
        is_unique=row["is_unique"],
    )


def _build_function(row: Any, row_type: Relation | None) -> Function:
    types: list[str] = row["types"]
    names: list[str] = row["names"] or [""] * len(types)
    modes: list[str] = row["modes"] or ["i"] * len(types)
    inputs = [i for i, mode in enumerate(modes) if mode in "ibv"]
    first_default = row["inputs"] - row["defaults"]
    outputs = {
        name: Column(name, type_)
        for name, type_, mode in zip(names, types, modes, strict=True)
        if mode in "otb"
    }
    rows = Relation("", "", outputs) if outputs or row["result_type"] == "record" else row_type
    kind = ResultKind.COMPOSITE if rows else ResultKind.SCALAR
    return Function(
        name=row["name"],
        sql=_qualify(row["name"]),
        arguments=tuple(
            FunctionArgument(
                names[i],
                types[i],
                is_required=position < first_default and modes[i] != "v",
                is_variadic=modes[i] == "v",
            )
            for position, i in enumerate(inputs)
        ),
        kind=ResultKind.VOID if row["is_void"] else kind,
        returns_set=row["returns_set"],
        is_volatile=row["is_volatile"],
        rows=rows or build_scalar_relation(row["result_type"]),
        statement_timeout=row["statement_timeout"],
        comment=row["comment"],
    )


def _is_callable(function: Function) -> bool:
    """Return whether requests can name all arguments; an unnamed one must fit a body."""
    arguments = function.arguments
    if not arguments or any(each.name for each in arguments):
        return True
    return len(arguments) == 1 and arguments[0].type in BODY_TYPES


def _build_type_names(rows: list[Any]) -> dict[str, str]:
    names: dict[str, str] = {}
    for row in rows:
        # format_type without a modifier returns the long names of timestamptz and varchar.
        names[row["long_name"].rpartition(".")[2].strip('"')] = row["sql"]
        names[row["name"]] = row["sql"]
    return names


def _qualify(name: str) -> str:
    return f"{quote_identifier(EXPOSED_SCHEMA)}.{quote_identifier(name)}"
