"""In which order the installation of an AI column takes locks."""

import asyncio

import pytest

from tests.support.eventually import eventually
from tests.support.sql.columns import Columns

pytestmark = pytest.mark.db


@pytest.mark.parametrize("is_new", [True, False])
async def test_a_table_is_locked_before_its_partitions_as_writers_do(
    columns: Columns, is_new: bool
) -> None:
    await columns.owner.execute(
        "create table shop.parts (id int primary key, body text, made text)"
        " partition by range (id);"
        "create table shop.part1 partition of shop.parts for values from (0) to (10)"
    )
    if not is_new:
        await columns.add("made", table="shop.parts")
    writer = await columns.database.connect("postgres")
    watcher = await columns.database.connect("postgres")

    async with asyncio.TaskGroup() as group, writer.transaction():
        await writer.execute("lock table only shop.parts in access exclusive mode")
        group.create_task(columns.add("made", "Again: {body}", table="shop.parts"))
        await eventually(
            lambda: watcher.fetchval(
                "select exists (select from pg_locks where not granted and relation ="
                " 'shop.parts'::regclass)"
            )
        )
        # Else these two would wait for each other, and one of them would fail.
        await writer.execute("lock table shop.part1 in access exclusive mode nowait")
