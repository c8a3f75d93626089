"""An audit of every function that acts as the owner of the schema, or builds statements."""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.sql.database import SUPABASE, Database

pytestmark = pytest.mark.db

POLICIES = {"can_read_topic", "visible_projects"}
"""What policies call, with the rights of whoever reads."""
CALLERS = ("anon", "authenticated", "service_role")
OURS = """
select p.oid::regprocedure::text as name, p.proname, p.prosecdef, p.proconfig, p.prosrc,
       p.proowner = n.nspowner or p.proowner = c.nspowner as is_ours,
       obj_description(p.oid, 'pg_proc') as comment,
       array(select r from unnest($1::text[]) r
              where has_function_privilege(r, p.oid, 'execute')) as callers,
       exists (
         select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
          where a.grantee = 0
       ) as is_public
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  join pg_namespace c on c.nspname = 'cogo'
 where n.nspname = 'cogo' or n.nspname = 'public' and p.proname like 'cogo\\_%'
"""
FUNCTION = re.compile(r"^create or replace function (?:cogo|public)\.(\w+)\(", re.MULTILINE)


async def functions(database: Database) -> list[Any]:
    owner = await database.connect("postgres")
    return await owner.fetch(OURS, list(CALLERS))


async def test_whoever_acts_as_the_owner_finds_only_its_own_types_and_has_few_callers(
    database: Database,
) -> None:
    definers = [each for each in await functions(database) if each["prosecdef"]]

    assert len(definers) > 20
    for each in definers:
        name = each["name"]
        assert "search_path=pg_catalog, pg_temp" in (each["proconfig"] or []), name
        assert each["is_ours"], name
        assert not each["is_public"], name
        assert "anon" not in each["callers"], name
        # What people may call is in test_access.py; of all else nothing acts as the owner for them.
        if not each["proname"].startswith("cogo_"):
            assert set(each["callers"]) <= {"service_role"} or each["proname"] in POLICIES, name


async def test_no_caller_of_ours_gives_a_text_that_becomes_a_statement(database: Database) -> None:
    builders = [
        each
        for each in await functions(database)
        if re.search(r"\bexecute\s+(?!function|procedure)", each["prosrc"] or "", re.IGNORECASE)
    ]

    assert builders
    for each in builders:
        # Whoever calls it has no more rights in it than outside.
        assert not each["prosecdef"], each["name"]
        assert set(each["callers"]) <= {"service_role"}, each["name"]


async def test_agents_cannot_change_which_tables_are_read_and_written(database: Database) -> None:
    owner = await database.connect("postgres")

    granted = await owner.fetch(
        "select table_name, grantee, privilege_type from information_schema.role_table_grants"
        " where table_schema = 'cogo' and table_name in ('ai_columns', 'ai_column_versions')"
        " and grantee = any ($1) and privilege_type <> 'SELECT'",
        ["PUBLIC", *CALLERS],
    )

    assert granted == []
    for function in ("ai_column", "remove_ai_column", "revert_ai_column", "preview_ai_column"):
        found = [each for each in await functions(database) if each["proname"] == function]
        assert [each["callers"] for each in found] == [[]], function


async def test_each_function_says_what_it_does(database: Database) -> None:
    assert [each["name"] for each in await functions(database) if not each["comment"]] == []


def test_each_function_that_acts_as_the_owner_says_why() -> None:
    silent = [
        f"{path.name}: {name}"
        for path in sorted((SUPABASE / "schemas").rglob("*.sql"))
        for name, text in _split(path)
        if "security definer" in text.partition(" as ")[0]
        and "ecurity definer" not in text.partition("comment on function")[2] + _above(path, name)
    ]

    assert silent == []


def _split(path: Path) -> list[tuple[str, str]]:
    """Return the functions of a file with their text, up to the next one."""
    text = path.read_text("utf-8")
    starts = [(found[1], found.start()) for found in FUNCTION.finditer(text)]
    ends = [*(start for _, start in starts), len(text)][1:]
    return [(name, text[start:end]) for (name, start), end in zip(starts, ends, strict=True)]


def _above(path: Path, name: str) -> str:
    """Return the comment above a function."""
    before = re.split(rf"create or replace function \w+\.{name}\(", path.read_text("utf-8"))[0]
    return before.rstrip().rpartition("\n\n")[2]


@pytest.mark.parametrize("user", [None, UUID(int=1)], ids=["operator", "user"])
async def test_types_of_a_caller_gain_no_rights(database: Database, user: UUID | None) -> None:
    caller = await database.connect("authenticated" if user else "service_role", user)
    for name in ("jsonb", "text", "uuid", "timestamptz"):
        await caller.execute(
            f"create function pg_temp.spy(pg_catalog.{name}) returns pg_catalog.bool"
            " language plpgsql as $body$ begin perform set_config('spy.who',"
            " concat_ws(' ', current_setting('spy.who', true), current_user), false);"
            f" return true; end $body$; create domain pg_temp.{name} as pg_catalog.{name}"
            " check (pg_temp.spy(value))"
        )

    task = await caller.fetchval("select id from public.cogo_submit_task('hello')")
    await caller.fetch("select * from public.cogo_cancel_task($1)", task)
    await caller.fetch("select * from public.cogo_forget_embeddings(p_before => 'infinity')")

    assert "postgres" not in (
        await caller.fetchval("select current_setting('spy.who', true)") or ""
    )
