"""Stored texts of `cogo_embeddings`: found by pgvector where it is, without losing a number."""

from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from cogo.migrations import load_migrations, migrate
from tests.support.sql.agent import Row
from tests.support.sql.database import ALICE, BOB, Connection, Database, rows
from tests.support.sql.memory import call, has_pgvector, run_memory

pytestmark = pytest.mark.db

BEFORE_MEMORY = [each for each in load_migrations() if each.version < "20261129180000"]


async def keep(service: Connection, owner: object, *items: Row) -> None:
    await call(
        service, "keep_embeddings", owner=owner, items=[{"model_id": "m"} | i for i in items]
    )


async def nearest(service: Connection, owner: object, vector: list[Any], **more: Any) -> list[Row]:
    given = {"owner": owner, "model_id": "m", "vector": vector} | more
    return await call(service, "nearest_embeddings", **given)


async def count_indexed(owner: Connection, dimensions: int) -> int:
    count: int = await owner.fetchval(
        f"select count(*) from cogo.embedding_vectors_{dimensions}"  # noqa: S608 - ours
    )
    return count


async def test_a_kept_text_is_indexed_at_once_and_found_as_before(database: Database) -> None:
    service = await database.connect()
    texts = [{"content": f"t{number}", "vector": [1, number, 0.1]} for number in range(50)]
    await keep(service, ALICE, *texts)
    await keep(service, BOB, {"content": "of Bob", "vector": [1, 7, 0.1]})

    found = await nearest(service, ALICE, [2, 14, 0.2], limit=3)

    assert [row["content"] for row in found] == ["t7", "t8", "t6"]
    assert found[0]["likeness"] == pytest.approx(1.0, abs=1e-12)
    assert await nearest(service, ALICE, [1, 2]) == []
    assert await nearest(service, ALICE, [1, 7, 0.1], model_id="n") == []
    assert await nearest(service, ALICE, [1, 7, 0.1], simulated=True) == []
    assert [row["content"] for row in await nearest(service, BOB, [1, 0, 0])] == ["of Bob"]
    assert len(await nearest(service, ALICE, [0, 0, 0], limit=1000)) == 50
    owner = await database.connect("postgres")
    if await has_pgvector(service):
        assert await count_indexed(owner, 3) == 51
        await keep(service, BOB, {"content": "of Bob", "vector": [0, 1, 0]})
        assert await count_indexed(owner, 3) == 51
        [bob] = await nearest(service, BOB, [0, 1, 0])
        assert bob["likeness"] == 1
    await call(service, "forget_embeddings", owner=ALICE, content="t7")
    found = await nearest(service, ALICE, [2, 14, 0.2], limit=2)
    assert [row["content"] for row in found] == ["t8", "t6"]


@pytest.mark.parametrize(
    "vector", [[0, 0], [3e38, 3e38], ["NaN", 1], ["Infinity", 1], [1e-40, 0], [1] * 16_001]
)
async def test_a_vector_that_no_index_takes_is_kept_all_the_same(
    database: Database, vector: list[Any]
) -> None:
    service = await database.connect()

    await keep(service, ALICE, {"content": "odd", "vector": vector})

    [found] = await nearest(service, ALICE, [1.0] * len(vector))
    assert found["content"] == "odd"
    await run_memory(service)
    assert len(await nearest(service, ALICE, [1.0] * len(vector))) == 1


async def test_texts_of_before_are_copied_a_few_at_a_time_and_always_found(
    database_url: str,
) -> None:
    """The upgrade copies nothing: that is done beside other work, and takes no lock."""
    connection: Connection = await asyncpg.connect(database_url)
    await migrate(database_url, BEFORE_MEMORY)
    await connection.execute(
        "insert into public.cogo_embeddings"
        " (owner, model_id, dimensions, content_sha256, content, vector)"
        " select case n % 3 when 0 then null else $1::uuid end, 'm', d, md5(n || ' ' || d),"
        "  d || '-' || n, array(select (n * k % 101 + 0.1)::real from generate_series(1, d) k)"
        "   from generate_series(1, 100) n, unnest(array[3, 384, 1536, 3072, 17000]) d"
        "  where d < 17000 or n < 3",
        ALICE,
    )
    await connection.close()

    await migrate(database_url, load_migrations())

    async with AsyncExitStack() as stack:
        database = Database(database_url, stack)
        service, owner = await database.connect(), await database.connect("postgres")
        kept = "select id, dimensions, vector from public.cogo_embeddings order by id"
        before = rows(await owner.fetch(kept))
        asked = {row["dimensions"]: row["vector"] for row in before}
        exact = {size: await nearest(service, ALICE, vector) for size, vector in asked.items()}
        assert len(before) == 402

        calls = 0
        while (await run_memory(service, limit=150))["is_more"]:
            calls += 1
            for size, vector in asked.items():
                assert await nearest(service, ALICE, vector) == exact[size], (calls, size)

        assert rows(await owner.fetch(kept)) == before
        if await has_pgvector(service):
            assert calls >= 3
            for size in (3, 384, 1536, 3072):
                assert await count_indexed(owner, size) == 100
            # What has too many dimensions for pgvector is compared one by one.
            left = await owner.fetch("select error from cogo.unindexed_embeddings")
            assert len(left) == 2
            assert all(row["error"] for row in left)
        else:
            assert calls == 0
