"""The hint of hosted projects about missing privileges on a table."""

import re
from collections.abc import Collection
from typing import Final

import asyncpg

from embedded.rest.errors import ApiError, translate_postgres_error
from embedded.rest.request.preferences import RestPreferences

_DENIED: Final = re.compile(
    r"permission denied for (?:table|view|materialized view|foreign table) (.+)"
)
_ORDER: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
_MISSING: Final = """
select privilege
  from unnest($3::text[]) with ordinality as asked(privilege, position)
 where not has_table_privilege($1::text::name, format('public.%I', $2::text), privilege)
 order by position
"""


def list_required_privileges(method: str, preferences: RestPreferences) -> frozenset[str]:
    """Return the privileges on its table that a request needs."""
    match method:
        case "GET" | "HEAD":
            return frozenset({"SELECT"})
        case "PATCH":
            return frozenset({"SELECT", "UPDATE"})
        case "DELETE":
            return frozenset({"SELECT", "DELETE"})
        case "PUT":
            return frozenset({"SELECT", "INSERT", "UPDATE"})
        case _:
            privileges = {"INSERT"}
            if preferences.returns_rows or preferences.returns_location:
                privileges.add("SELECT")
            if preferences.resolution is not None:
                privileges.add("SELECT")
            if preferences.resolution == "merge-duplicates":
                privileges.add("UPDATE")
            return frozenset(privileges)


async def build_permission_error(
    pool: asyncpg.Pool,
    error: asyncpg.InsufficientPrivilegeError,
    *,
    role: str,
    table: str,
    needs: Collection[str],
) -> ApiError:
    """Return the error, with the missing grant for a table of the exposed schema.

    `needs` are the privileges on `table`; other tables are only read.
    """
    refusal = translate_postgres_error(error, anonymous=role == "anon")
    found = _DENIED.fullmatch(error.message)
    if found is None or error.hint is not None:
        return refusal
    denied = found[1]
    required = [each for each in _ORDER if each in (needs if denied == table else {"SELECT"})]
    try:
        rows = await pool.fetch(_MISSING, role, denied, required)
    except asyncpg.UndefinedTableError:  # of another schema, or dropped meanwhile
        return refusal
    if rows:
        missing = ", ".join(row["privilege"] for row in rows)
        refusal.body["hint"] = (
            "Grant the required privileges to the current role with:"
            f" GRANT {missing} ON public.{denied} TO {role};"
            " New tables have no grants by default since October 2026; for projects that"
            " expect them, start the server with --legacy-grants."
        )
    return refusal
