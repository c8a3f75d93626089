"""What a database is made of, as text lines that can be compared."""

# ruff: noqa: S608 -- the statements are put together from our own names.

from typing import Final

from tests.support.sql.database import Connection

_OURS: Final = """
  (n.nspname = 'cogo' or n.nspname = 'public' and c.relname like 'cogo\\_%')
"""

_QUERIES: Final = {
    "relations": f"""
      select c.oid::regclass::text, c.relkind::text, c.relrowsecurity, c.reloptions::text,
             c.relacl::text, obj_description(c.oid, 'pg_class'),
             case when c.relkind = 'v' then pg_get_viewdef(c.oid) end
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where {_OURS} and c.relkind in ('r', 'v', 'S')
    """,
    "columns": f"""
      select c.oid::regclass::text, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
             a.attnotnull, a.attidentity::text, a.attacl::text,
             pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
       where {_OURS} and c.relkind in ('r', 'v')
    """,
    "indexes": f"""
      select pg_get_indexdef(i.indexrelid)
        from pg_index i join pg_class c on c.oid = i.indrelid
        join pg_namespace n on n.oid = c.relnamespace where {_OURS}
    """,
    "constraints": f"""
      select c.oid::regclass::text, k.conname, pg_get_constraintdef(k.oid)
        from pg_constraint k join pg_class c on c.oid = k.conrelid
        join pg_namespace n on n.oid = c.relnamespace where {_OURS}
    """,
    "triggers": f"""
      select pg_get_triggerdef(t.oid), t.tgenabled::text
        from pg_trigger t join pg_class c on c.oid = t.tgrelid
        join pg_namespace n on n.oid = c.relnamespace where {_OURS} and not t.tgisinternal
    """,
    "policies": """
      select schemaname || '.' || tablename, policyname, cmd, roles::text, qual, with_check
        from pg_policies
       where schemaname = 'cogo' or tablename like 'cogo\\_%' or schemaname = 'realtime'
    """,
    "functions": """
      select p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.proacl::text,
             obj_description(p.oid, 'pg_proc')
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where n.nspname = 'cogo' or n.nspname = 'public' and p.proname like 'cogo\\_%'
    """,
    "schemas": "select nspname, nspacl::text from pg_namespace where nspname = 'cogo'",
}


async def catalogue(connection: Connection) -> dict[str, list[str]]:
    """Every object of ours with its definition, its rights and its comment, by kind."""
    return {
        kind: sorted(str(tuple(row)) for row in await connection.fetch(query))
        for kind, query in _QUERIES.items()
    }
