"""Read what a database consists of, so that two databases can be compared."""

# ruff: noqa: S608 -- the statements are put together from the constants below.

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import asyncpg

Facts: TypeAlias = Mapping[str, Any]
Snapshot: TypeAlias = Mapping[str, Mapping[str, Facts]]
"""The facts about each object, by kind and by name."""

_OURS: Final = "(n.nspname = 'cogo' or n.nspname = 'public' and c.relname like 'cogo\\_%')"


def _rights(acl: str, owner: str, kind: str) -> str:
    grantee = "case a.grantee when 0 then 'public' else a.grantee::regrole::text end"
    return f"""array(
      select a.privilege_type || ' ' || {grantee}
        from aclexplode(coalesce({acl}, acldefault('{kind}', {owner}))) a
       where a.grantee <> {owner} order by 1
    )"""


_QUERIES: Final = {
    "schema": """
      select nspname as name, obj_description(n.oid, 'pg_namespace') as comment,
             array(
               select a.privilege_type || ' ' || a.grantee::regrole::text
                 from aclexplode(n.nspacl) a where a.grantee <> n.nspowner order by 1
             ) as rights
        from pg_namespace n where nspname = 'cogo'
    """,
    "sequence": f"""
      select c.oid::regclass::text as name, obj_description(c.oid, 'pg_class') as comment,
             {_rights("c.relacl", "c.relowner", "s")} as rights
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where {_OURS} and c.relkind = 'S' and not exists (
         select from pg_depend d where d.objid = c.oid and d.deptype = 'i'
       )
    """,
    "table": f"""
      select c.oid::regclass::text as name, obj_description(c.oid, 'pg_class') as comment,
             c.relrowsecurity as has_rls, coalesce(c.reloptions, '{{}}') as options,
             {_rights("c.relacl", "c.relowner", "r")} as rights
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where {_OURS} and c.relkind = 'r'
    """,
    "column": f"""
      select c.oid::regclass::text || '.' || quote_ident(a.attname) as name,
             c.oid::regclass::text as of_table, quote_ident(a.attname) as column,
             row_number() over (partition by c.oid order by a.attnum) as position,
             format_type(a.atttypid, a.atttypmod) || coalesce(
               ' collate ' || nullif(a.attcollation, t.typcollation)::regcollation::text, ''
             ) as type,
             a.attnotnull as is_not_null,
             a.attidentity::text as identity, a.attgenerated::text as generated,
             pg_get_expr(d.adbin, d.adrelid) as default,
             col_description(c.oid, a.attnum) as comment,
             array(
               select x.privilege_type || ' ' || x.grantee::regrole::text
                 from aclexplode(a.attacl) x order by 1
             ) as rights
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        join pg_type t on t.oid = a.atttypid
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
       where {_OURS} and c.relkind = 'r'
    """,
    "constraint": f"""
      select c.oid::regclass::text || '.' || quote_ident(k.conname) as name,
             c.oid::regclass::text as of_table, quote_ident(k.conname) as constraint,
             pg_get_constraintdef(k.oid) as definition, k.contype = 'f' as is_foreign
        from pg_constraint k join pg_class c on c.oid = k.conrelid
        join pg_namespace n on n.oid = c.relnamespace
       where {_OURS} and k.contype in ('c', 'f', 'p', 'u', 'x')
    """,
    "index": f"""
      select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
        from pg_index i join pg_class c on c.oid = i.indrelid
        join pg_namespace n on n.oid = c.relnamespace
       where {_OURS} and not exists (
         select from pg_constraint k
          where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')
       )
    """,
    "view": f"""
      select c.oid::regclass::text as name, obj_description(c.oid, 'pg_class') as comment,
             coalesce(c.reloptions, '{{}}') as options, pg_get_viewdef(c.oid) as definition,
             {_rights("c.relacl", "c.relowner", "r")} as rights
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where {_OURS} and c.relkind = 'v'
    """,
    "function": f"""
      select p.oid::regprocedure::text as name, obj_description(p.oid, 'pg_proc') as comment,
             pg_get_functiondef(p.oid) as definition, pg_get_function_arguments(p.oid) as arguments,
             pg_get_function_result(p.oid) as result,
             {_rights("p.proacl", "p.proowner", "f")} as rights
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where n.nspname = 'cogo' or n.nspname = 'public' and p.proname like 'cogo\\_%'
    """,
    "trigger": f"""
      select c.oid::regclass::text || '.' || quote_ident(t.tgname) as name,
             c.oid::regclass::text as of_table, quote_ident(t.tgname) as trigger,
             pg_get_triggerdef(t.oid) as definition, t.tgenabled::text as enabled
        from pg_trigger t join pg_class c on c.oid = t.tgrelid
        join pg_namespace n on n.oid = c.relnamespace where {_OURS} and not t.tgisinternal
    """,
    "policy": """
      select format('%I.%I.%I', schemaname, tablename, policyname) as name,
             format('%I.%I', schemaname, tablename) as of_table, quote_ident(policyname) as policy,
             permissive, cmd, array_to_string(roles, ', ') as roles, qual, with_check
        from pg_policies
       where schemaname = 'cogo' or tablename like 'cogo\\_%' or policyname like 'cogo: %'
    """,
    "publication": """
      select format('%I.%I.%I', pubname, schemaname, tablename) as name
        from pg_publication_tables where schemaname = 'cogo' or tablename like 'cogo\\_%'
    """,
}


async def read_catalogue(url: str) -> Snapshot:
    """Return every object of COGO with its definition, its rights and its comment."""
    connection = await asyncpg.connect(url, server_settings={"search_path": ""})
    try:
        return {
            kind: {
                row["name"]: {key: value for key, value in row.items() if key != "name"}
                for row in await connection.fetch(query)
            }
            for kind, query in _QUERIES.items()
        }
    finally:
        await connection.close()


def differences(one: Snapshot, other: Snapshot) -> list[str]:
    """Return a line for each object and fact in which two databases differ."""
    return [
        f"{kind} {name}: {', '.join(_differing(one[kind].get(name), other[kind].get(name)))}"
        for kind in one
        for name in sorted(one[kind].keys() | other[kind].keys())
        if one[kind].get(name) != other[kind].get(name)
    ]


def _differing(one: Facts | None, other: Facts | None) -> list[str]:
    if one is None:
        return ["missing in the migrations"]
    if other is None:
        return ["missing in the schema"]
    return [key for key in one if one[key] != other[key]]
