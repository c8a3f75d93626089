from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from tests.support.sql.columns import Columns, open_columns
from tests.support.sql.database import Database

pytestmark = pytest.mark.db


@pytest.fixture
async def columns(database: Database) -> AsyncIterator[Columns]:
    async with open_columns(database) as opened:
        yield opened


async def test_new_rows_are_filled_and_edited_ones_anew(columns: Columns) -> None:
    column_id = await columns.add()
    await columns.owner.execute("insert into shop.tickets (body) values ('one'), ('two'), (null)")
    await columns.answer("first", "second")

    assert await columns.values() == {1: "first", 2: "second", 3: None}
    assert await columns.states() == {1: "done", 2: "done", 3: "done"}

    await columns.owner.execute("update shop.tickets set body = 'other' where id = 2")
    await columns.owner.execute("update shop.tickets set subject = 'unused' where id = 1")
    [task] = await columns.answer("  third \n")
    assert '"other"' in task["prompt"]
    assert await columns.values() == {1: "first", 2: "third", 3: None}
    [first, second, _] = await columns.cells()
    assert (first["cost_usd"], second["cost_usd"]) == (Decimal("0.01"), Decimal("0.02"))
    row = await columns.column(column_id)
    assert (row["pending"], row["done"], row["table_name"]) == (0, 3, "shop.tickets")


async def test_a_persons_value_is_kept(columns: Columns) -> None:
    await columns.add()
    await columns.owner.execute(
        "insert into shop.tickets (body, summary) values ('one', 'mine'), ('two', null)"
    )
    await columns.answer("theirs")
    assert await columns.values() == {1: "mine", 2: "theirs"}
    await columns.owner.execute("update shop.tickets set summary = 'better' where id = 2")
    await columns.owner.execute("update shop.tickets set body = 'new' where true")
    assert await columns.answer("nothing") == []
    assert await columns.values() == {1: "mine", 2: "better"}
    assert await columns.states() == {1: "kept", 2: "kept"}
