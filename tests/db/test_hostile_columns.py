"""Triggers and values of users' tables that harm nothing but their own cells."""

from collections.abc import AsyncIterator

import pytest

from tests.support.sql.columns import Columns, open_columns
from tests.support.sql.database import Database

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
