"""Triggers and values of users' tables that harm nothing but their own cells."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from tests.support.servers.postgres import Cluster
from tests.support.sql.columns import Columns, open_columns
from tests.support.sql.database import Connection, Database

pytestmark = pytest.mark.db

RAISES = {
    "an error": "raise 'no'",
    "an assertion": "assert false, 'no'",
    "a cancellation": "raise sqlstate '57014' using message = 'no'",
}
TRIGGERS = {
    "before": "trigger hostile before update",
    "after": "trigger hostile after update",
    "at the end": "constraint trigger hostile after update",
}


@pytest.fixture
async def columns(database: Database) -> AsyncIterator[Columns]:
    async with open_columns(database) as opened:
        await opened.owner.execute(
            "create table shop.calm (id int primary key, body text, summary text)"
        )
        await opened.add(table="shop.calm")
        await opened.add()
        yield opened


async def attach(columns: Columns, body: str, when: str = "after") -> None:
    """Give shop.tickets a trigger that runs a statement when it is updated."""
    await columns.owner.execute(
        "create function shop.harm() returns trigger language plpgsql as"
        f" $body$ begin {body}; return new; end $body$;"
        f"create {TRIGGERS[when]} on shop.tickets"
        f"{' deferrable initially deferred' if when == 'at the end' else ''}"
        " for each row execute function shop.harm()"
    )


@pytest.fixture
async def stranger(cluster: Cluster, migrated: str, columns: Columns) -> AsyncIterator[Connection]:
    """Yield a role that may write shop.tickets, as those may who have `grant all`."""
    admin: Connection = await asyncpg.connect(cluster.dsn("supabase_admin", migrated))
    await admin.execute(
        "create role stranger; grant usage, create on schema shop to stranger;"
        "grant usage on schema extensions to stranger; grant all on shop.tickets to stranger"
    )
    await admin.execute("set role stranger; set search_path = ''")
    yield admin
    await admin.execute("reset role")
    await admin.execute("drop owned by stranger cascade; drop role stranger")
    await admin.close()


async def write_both(columns: Columns) -> None:
    await columns.owner.execute(
        "insert into shop.tickets (body) values ('a'); insert into shop.calm values (1, 'b')"
    )


@pytest.mark.parametrize("when", TRIGGERS)
@pytest.mark.parametrize("error", RAISES)
async def test_whatever_a_trigger_raises_fails_its_own_cell(
    columns: Columns, error: str, when: str
) -> None:
    await attach(columns, RAISES[error], when)
    await write_both(columns)
    await columns.answer("text")

    assert await columns.values(table="shop.calm") == {1: "text"}
    [failed] = await columns.cells(table_name="shop.tickets")
    assert failed["state"] == "failed"
    assert failed["reason"].endswith("no")


async def test_what_is_deferred_runs_as_the_owner(columns: Columns) -> None:
    await columns.owner.execute("create table shop.log (who text)")
    await attach(columns, "insert into log values (current_user)", "at the end")
    await columns.owner.execute("alter role postgres set search_path = shop, public")
    try:
        await write_both(columns)
        await columns.answer("text")
    finally:
        await columns.owner.execute("alter role postgres reset search_path")

    assert await columns.owner.fetchval("select who from shop.log") == "postgres"


SPY = """
create function shop.spy() returns trigger language plpgsql as
$body$ begin new.subject := current_user; return new; end $body$;
create function shop.tell(text) returns boolean language plpgsql as
$body$ begin perform set_config('spy.who', current_user, false); return true; end $body$;
"""


@pytest.mark.parametrize(
    "trigger",
    [
        "before update on shop.tickets for each row execute function shop.spy()",
        "before update on shop.tickets for each row when (shop.tell(new.body))"
        " execute function suppress_redundant_updates_trigger()",
    ],
)
async def test_a_trigger_of_a_stranger_gains_no_rights(
    columns: Columns, stranger: Connection, trigger: str
) -> None:
    await stranger.execute(f"{SPY} create trigger spy {trigger}")
    await write_both(columns)
    await columns.answer("text")

    assert await columns.values() == {1: None}
    assert await columns.values(table="shop.calm") == {1: "text"}
    [problem] = await columns.owner.fetch(
        "select standing_still from cogo_columns where table_name = 'shop.tickets'"
    )
    assert "its trigger spy runs a function of stranger" in problem["standing_still"]
    with pytest.raises(asyncpg.PostgresError, match="a function of stranger"):
        await columns.add()

    await columns.owner.execute("drop trigger spy on shop.tickets")
    await columns.answer("text")
    assert await columns.values() == {1: "text"}


async def test_a_partition_of_a_stranger_gains_no_rights(
    columns: Columns, stranger: Connection
) -> None:
    await columns.owner.execute(
        "create table shop.parted (id int primary key, body text, summary text)"
        " partition by range (id);"
        "create table shop.part partition of shop.parted for values from (0) to (9)"
    )
    await columns.add(table="shop.parted")
    await stranger.execute(
        "reset role; alter table shop.part owner to stranger; set role stranger;"
    )
    await columns.owner.execute("insert into shop.parted values (1, 'a')")
    await columns.answer("text")

    assert await columns.values(table="shop.parted") == {1: None}
    with pytest.raises(asyncpg.PostgresError, match="its partition shop"):
        await columns.add(table="shop.parted")


async def test_types_of_a_writer_gain_no_rights(columns: Columns, stranger: Connection) -> None:
    for name in ("jsonb", "text", "uuid"):
        await stranger.execute(
            f"create function pg_temp.spy(pg_catalog.{name}) returns boolean language plpgsql as"
            " $body$ begin perform set_config('spy.who', current_user, false); return true; end"
            f" $body$; create domain pg_temp.{name} as pg_catalog.{name} check (pg_temp.spy(value))"
        )
    for statement in (
        "insert into shop.tickets (body) values ('a')",
        "update shop.tickets set body = 'b', summary = 'c'",
        "delete from shop.tickets",
        "truncate shop.tickets",
    ):
        await stranger.execute(statement)
        who = await stranger.fetchval("select current_setting('spy.who', true)")
        assert who != "postgres", statement


async def test_json_that_jsonb_cannot_hold_stops_no_other_row(columns: Columns) -> None:
    await columns.owner.execute(
        "create table shop.raw (id int primary key, body json, many json[], summary text)"
    )
    await columns.add(table="shop.raw", prompt="{body} {many}")
    await columns.owner.execute(
        """insert into shop.raw values
           (1, '{"a": 1}', null), (2, '"\\u0000"', null), (3, '1e999999', null),
           (4, null, array['"\\u0000"'::json])"""
    )
    tasks = await columns.answer("text")

    assert await columns.values(table="shop.raw") == dict.fromkeys(range(1, 5), "text")
    assert r"\u0000" in tasks[1]["prompt"]
    assert "1e999999" in tasks[2]["prompt"]


@pytest.mark.parametrize("is_large", [False, True])
async def test_cells_follow_another_type_of_the_key(columns: Columns, is_large: bool) -> None:
    await write_both(columns)
    await columns.owner.execute("insert into shop.calm values (2, 'c')")
    await columns.answer("text")
    await columns.owner.execute("update shop.calm set body = 'd' where id = 2")
    await columns.settle()

    await columns.owner.execute("alter table shop.calm alter id type text")
    if is_large:
        await columns.owner.execute(
            "insert into cogo.ai_counts (column_id, state, priority, cells)"
            " select id, 'done', 0, 100000 from cogo.ai_columns"
        )
        await columns.run()
        [problem] = await columns.owner.fetch("select error from cogo.ai_columns where error <> ''")
        assert "another type now: call cogo.ai_column()" in problem["error"]
        await columns.add(table="shop.calm")
    await columns.answer("new")

    assert await columns.values(table="shop.calm") == {"1": "text", "2": "new"}
    cells = await columns.cells(table_name="shop.calm")
    assert [(cell["key"], cell["state"]) for cell in cells] == [(["1"], "done"), (["2"], "done")]
    await columns.owner.execute("update shop.calm set body = 'e' where id = '1'")
    await columns.answer("newer")
    assert (await columns.values(table="shop.calm"))["1"] == "newer"


async def test_values_that_change_their_own_sources_are_asked_for_a_hundred_times_an_hour(
    columns: Columns,
) -> None:
    await attach(columns, "update shop.calm set body = body || '.' where new.summary <> ''")
    await columns.owner.execute(
        "create function shop.back() returns trigger language plpgsql as"
        " $body$ begin update shop.tickets set body = body || '.'; return new; end $body$;"
        "create trigger back after update of summary on shop.calm"
        " for each row execute function shop.back()"
    )
    await write_both(columns)
    for nth in range(3):  # each answer asks for the other one
        assert await columns.answer(f"{nth}")
    await columns.owner.execute("update cogo.ai_cells set asks = 99")
    for nth in range(3):
        await columns.answer(f"more {nth}")

    assert await columns.open_tasks() == []
    waiting = await columns.cells(state="pending")
    assert waiting
    assert all("100 times in an hour" in cell["reason"] for cell in waiting)
    await columns.database.jump(timedelta(hours=1))
    assert await columns.answer("later")


async def test_with_another_type_a_value_is_still_cogos_or_a_persons(columns: Columns) -> None:
    await columns.owner.execute(
        "create table shop.scores (id int primary key, body text, score int)"
    )
    await columns.add("score", "Rate {body}", table="shop.scores")
    await columns.owner.execute(
        "insert into shop.scores select i, 'a' from generate_series(1, 3) i"
    )
    await columns.answer({"text": "", "data": {"value": 5}})
    await columns.owner.execute("update shop.scores set score = 1 where id = 2")
    await columns.settle()
    await columns.owner.execute("update shop.scores set score = 1 where id = 3")

    await columns.owner.execute("alter table shop.scores alter score type numeric(10, 2)")
    await columns.add("score", "Rate {body}", table="shop.scores")
    await columns.owner.execute("update shop.scores set body = 'b'")
    await columns.answer({"text": "", "data": {"value": 6}})

    assert await columns.values("score", "shop.scores") == {1: 6, 2: 1, 3: 1}
    assert await columns.states() == {1: "done", 2: "kept", 3: "kept"}


async def test_what_fires_no_triggers_is_found_when_the_column_is_added_again(
    columns: Columns, stranger: Connection
) -> None:
    await write_both(columns)
    await columns.answer("text")
    await stranger.execute("reset role; set session_replication_role = replica")
    await stranger.execute("update shop.tickets set body = 'b'")
    await stranger.execute("insert into shop.tickets (body) values ('c')")
    await stranger.execute("set role stranger")
    assert await columns.answer("missed") == []

    await columns.add(backfill=True)
    await columns.answer("found")

    assert await columns.values() == {1: "found", 2: "found"}
