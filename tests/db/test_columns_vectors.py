"""AI columns of the types of pgvector."""

# ruff: noqa: S608 -- the statements are put together from our own names.

from typing import Any, Final

import asyncpg
import pytest

from tests.support.sql.columns import Columns
from tests.support.sql.waits import finish

pytestmark = pytest.mark.db

MADE: Final = "select id, made::text as value from shop.tickets order by id"


@pytest.fixture
async def vectors(columns: Columns) -> Columns:
    """Install pgvector where a hosted project has it: in no search_path of ours."""
    if not await columns.owner.fetchval(
        "select exists (select from pg_available_extensions where name = 'vector')"
    ):
        pytest.skip("this Postgres has no pgvector")
    await columns.owner.execute("create extension if not exists vector with schema extensions")
    return columns


async def read(columns: Columns) -> dict[int, Any]:
    return {row["id"]: row["value"] for row in await columns.owner.fetch(MADE)}


@pytest.mark.parametrize("type_", ["vector", "halfvec"])
async def test_vectors_are_written_wherever_the_extension_is(vectors: Columns, type_: str) -> None:
    await vectors.owner.execute(f"alter table shop.tickets add made extensions.{type_}(3)")
    # The owner's own search_path does not find the type.
    await vectors.owner.execute("alter role postgres set search_path = pg_catalog")
    try:
        await vectors.add("made", model="e")
        await vectors.owner.execute("insert into shop.tickets (body) values ('a'), ('b')")
        await vectors.settle()
        [task] = await vectors.open_tasks()
        assert task["params"] == {"input": ["Sum up: a", "Sum up: b"], "dimensions": 3}
        await finish(vectors.agent, task["id"], embeddings=[[1, 0, 0], [0, 0.5, -2e-1]])
        await vectors.settle()
    finally:
        await vectors.owner.execute("alter role postgres reset search_path")
    found = await read(vectors)
    assert found[1] == "[1,0,0]"
    assert found[2].startswith("[0,0.5,-0.")
    assert await vectors.states() == {1: "done", 2: "done"}
    await vectors.owner.execute(
        f"update shop.tickets set made = '[9,9,9]'::extensions.{type_} where id = 1"
    )
    await vectors.settle()
    assert await vectors.states() == {1: "kept", 2: "done"}


@pytest.mark.parametrize("type_", ["vector(2)", "halfvec(2)", "vector"])
async def test_a_vector_that_does_not_fit_fails_only_its_cell(vectors: Columns, type_: str) -> None:
    await vectors.owner.execute(f"alter table shop.tickets add made extensions.{type_}")
    await vectors.add("made", model="e")
    await vectors.owner.execute(
        "insert into shop.tickets (body) select n from generate_series(1, 5) n"
    )
    wrong = [[1, 2, 3] if "(" in type_ else [], ["NaN", 1], [1e300, 1], ["x", 1], [3, 4]]
    await vectors.settle()
    [task] = await vectors.open_tasks()
    await finish(vectors.agent, task["id"], embeddings=wrong)
    await vectors.settle()
    assert (await read(vectors))[5] == "[3,4]"
    [task] = await vectors.open_tasks()
    assert len(task["params"]["input"]) == 4
    await finish(vectors.agent, task["id"], embeddings=wrong[:4])
    await vectors.settle()
    cells = {cell["key"][0]: cell for cell in await vectors.cells()}
    assert {id_: cell["state"] for id_, cell in cells.items()} == {
        1: "failed", 2: "failed", 3: "failed", 4: "failed", 5: "done"
    }  # fmt: skip
    reasons = [cells[id_]["reason"] for id_ in range(1, 5)]
    assert "dimension" in reasons[0], reasons
    assert "NaN" in reasons[1], reasons


async def test_dimensions_that_the_type_refuses_are_refused_at_once(vectors: Columns) -> None:
    await vectors.owner.execute("alter table shop.tickets add made extensions.vector(3)")
    with pytest.raises(asyncpg.PostgresError, match="made has 3 dimensions") as refused:
        await vectors.add("made", model="e", params={"dimensions": 4})
    assert refused.value.sqlstate == "TQ004"
    await vectors.add("made", model="e", params={"dimensions": 3})
