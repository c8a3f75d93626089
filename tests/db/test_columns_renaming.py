"""AI columns whose tables and columns get other names."""

import asyncpg
import pytest

from tests.support.sql.columns import Columns

pytestmark = pytest.mark.db


async def test_renamed_columns_and_tables_are_followed(columns: Columns) -> None:
    await columns.add(owner_column="author")
    await columns.owner.execute("insert into shop.tickets (body) values ('one')")
    await columns.answer("first")
    await columns.owner.execute(
        "alter table shop.tickets rename body to content;"
        "alter table shop.tickets rename id to number;"
        "alter table shop.tickets rename author to writer;"
        "alter table shop.tickets rename summary to abstract;"
        "update shop.tickets set content = 'two' where true;"
        "alter table shop.tickets rename to requests"
    )
    await columns.answer("second")
    assert await columns.owner.fetchval("select abstract from shop.requests") == "second"
    await columns.owner.execute("update shop.requests set content = 'three' where true")
    await columns.answer("third")
    assert await columns.owner.fetchval("select abstract from shop.requests") == "third"
    [cell] = await columns.cells()
    assert (cell["table_name"], cell["column_name"]) == ("shop.requests", "abstract")


async def test_a_prompt_may_name_a_source_as_before_it_was_renamed(columns: Columns) -> None:
    column_id = await columns.add(sources=["subject"])
    await columns.owner.execute("insert into shop.tickets (body) values ('one')")
    await columns.answer("first")
    await columns.owner.execute(
        "alter table shop.tickets rename body to content;"
        "alter table shop.tickets rename subject to title"
    )
    previewed = await columns.owner.fetch(
        "select * from cogo.preview_ai_column('shop.tickets', 'summary', 'Sum up: {body}',"
        " sources => '{subject}')"
    )
    assert '"body": "one"' in previewed[0]["prompt"]
    assert await columns.add(sources=["subject"], max_usd_per_day=2) == column_id
    column = await columns.column(column_id)
    assert (column["version"], column["done"], column["max_usd_per_day"]) == (1, 1, 2)
    await columns.add(model="m")
    column = await columns.column(column_id)
    assert (column["sources"], column["named_sources"]) == (["content"], ["body"])
    await columns.owner.execute("update shop.tickets set content = 'two'")
    await columns.answer("second")
    assert await columns.values() == {1: "second"}
    with pytest.raises(asyncpg.PostgresError, match="no column nothing"):
        await columns.add(prompt="{nothing}")
    await columns.owner.execute("alter table shop.tickets drop content")
    with pytest.raises(asyncpg.PostgresError, match="no column body"):
        await columns.add()
