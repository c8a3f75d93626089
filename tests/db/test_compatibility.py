"""The database accepts what clients of v0.1.0 send, and answers what they read.

No release is older, so none can be run here. Instead `v0.1.0.json` keeps the signatures of its
RPCs and the columns of its tables and views; every later schema must offer at least these. Never
edit that file; a later release adds one of its own, which is what `surface_of` returns then.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.sql.database import Database

pytestmark = pytest.mark.db

GOLDEN: Final = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted(Path(__file__).parent.glob("v*.json"))
}

_FUNCTIONS: Final = """
  select p.proname as name,
         coalesce(p.proargnames, '{}') as names, coalesce(p.proargmodes::text[], '{}') as modes,
         coalesce(p.proallargtypes, p.proargtypes::oid[])::regtype[]::text[] as types,
         p.pronargs - p.pronargdefaults as required, p.prorettype::regtype::text as returns
    from pg_proc p
   where p.pronamespace = 'public'::regnamespace and p.proname like 'cogo\\_%'
"""
_COLUMNS: Final = """
  select c.relname as relation, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
         has_column_privilege('service_role', c.oid, a.attnum, 'select') as is_readable
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
   where c.relnamespace = 'public'::regnamespace and c.relname like 'cogo\\_%'
     and c.relkind in ('r', 'v') and not a.attisdropped
"""


async def surface_of(database: Database) -> dict[str, Any]:
    """Return the functions and relations of schema public as their callers see them."""
    owner = await database.connect("postgres")
    functions = {}
    for row in await owner.fetch(_FUNCTIONS):
        count = len(row["types"])
        names, modes = row["names"] or [""] * count, row["modes"] or ["i"] * count
        each = list(zip(names, modes, row["types"], strict=True))
        taken = [[name, type_] for name, mode, type_ in each if mode == "i"]
        functions[row["name"]] = {
            "required": taken[: row["required"]],
            "optional": taken[row["required"] :],
            "returns": [[name, type_] for name, mode, type_ in each if mode != "i"]
            or row["returns"],
        }
    relations: dict[str, dict[str, str]] = {}
    for row in await owner.fetch(_COLUMNS):
        if row["is_readable"]:
            relations.setdefault(row["relation"], {})[row["name"]] = row["type"]
    return {"functions": functions, "relations": relations}


def broken_promises(old: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what a caller of the old surface would miss."""
    found = []
    for name, function in old["functions"].items():
        offered = now["functions"].get(name)
        if offered is None:
            found.append(f"{name} is gone")
            continue
        accepted = offered["required"] + offered["optional"]
        found += [
            f"{name} does not accept {each}"
            for each in function["required"] + function["optional"]
            if each not in accepted
        ]
        found += [
            f"{name} requires {each}"
            for each in offered["required"]
            if each not in function["required"]
        ]
        if isinstance(function["returns"], str):
            if function["returns"] != offered["returns"]:
                found.append(f"{name} returns {offered['returns']}")
        else:
            found += [
                f"{name} does not return {each}"
                for each in function["returns"]
                if each not in offered["returns"]
            ]
    for relation, columns in old["relations"].items():
        offered = now["relations"].get(relation, {})
        found += [
            f"{relation}.{name} is no {type_}"
            for name, type_ in columns.items()
            if offered.get(name) != type_
        ]
    return found


@pytest.mark.parametrize("release", GOLDEN)
async def test_requests_of_a_release_are_accepted_and_answered(
    database: Database, release: str
) -> None:
    assert broken_promises(GOLDEN[release], await surface_of(database)) == []


async def test_each_broken_promise_is_found(database: Database) -> None:
    now = await surface_of(database)
    del now["functions"]["cogo_queue"]
    claim = now["functions"]["cogo_claim_subtasks"]
    claim["required"].append(["p_secret", "text"])
    claim["optional"].remove(["p_request_id", "uuid"])
    claim["returns"].remove(["history", "jsonb"])
    now["functions"]["cogo_submit_task"]["returns"] = "uuid"
    now["relations"]["cogo_tasks"]["prompt"] = "jsonb"

    assert broken_promises(GOLDEN["v0.1.0"], now) == [
        "cogo_claim_subtasks does not accept ['p_request_id', 'uuid']",
        "cogo_claim_subtasks requires ['p_secret', 'text']",
        "cogo_claim_subtasks does not return ['history', 'jsonb']",
        "cogo_queue is gone",
        "cogo_submit_task returns uuid",
        "cogo_tasks.prompt is no text",
    ]
