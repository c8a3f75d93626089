from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.support.sql.database import ALICE, BOB, Connection, Database

pytestmark = pytest.mark.db


async def keep(service: Connection, owner: object, content: str, **more: Any) -> None:
    item = {"model_id": "m", "content": content, "vector": [1, 0]} | more
    await service.execute("select from public.cogo_keep_embeddings($1, $2)", owner, [item])


async def forget(who: Connection, **which: Any) -> int:
    arguments = ", ".join(f"p_{name} => ${place}" for place, name in enumerate(which, 1))
    count: int = await who.fetchval(
        f"select forgotten from public.cogo_forget_embeddings({arguments})",  # noqa: S608 - ours
        *which.values(),
    )
    return count


async def left(service: Connection) -> list[tuple[object, str]]:
    rows = await service.fetch("select owner, content from public.cogo_embeddings order by 1, 2")
    return [(row["owner"], row["content"]) for row in rows]


@pytest.mark.parametrize(
    ("which", "remaining"),
    [
        ({"model_id": "n"}, ["by model", "plain"]),
        ({"content": "plain"}, ["by model", "old"]),
        ({"source": "a.md"}, ["plain"]),
        ({"model_id": "n", "source": "a.md"}, ["by model", "plain"]),
        ({"model_id": "n", "content": "plain"}, ["by model", "old", "plain"]),
    ],
    ids=["model", "text", "file", "both hold", "one does not hold"],
)
async def test_a_text_is_forgotten_when_all_that_is_given_holds(
    database: Database, which: dict[str, str], remaining: list[str]
) -> None:
    service = await database.connect()
    await keep(service, None, "old", model_id="n", source="a.md")
    await keep(service, None, "by model", source="a.md")
    await keep(service, None, "plain")

    would = await forget(service, **which, dry_run=True)
    untouched = await left(service)
    count = await forget(service, **which)

    assert len(untouched) == 3
    assert [content for _, content in await left(service)] == remaining
    assert count == would == 3 - len(remaining)


async def test_texts_are_forgotten_by_age_and_all_of_them_with_infinity(
    database: Database,
) -> None:
    service = await database.connect()
    await keep(service, None, "old")
    await database.jump(timedelta(days=31))
    await keep(service, None, "new")

    assert await forget(service, before=database.now - timedelta(days=30)) == 1
    assert await left(service) == [(None, "new")]
    assert await service.fetchval(
        "select forgotten from public.cogo_forget_embeddings(p_before => 'infinity')"
    ) == 1  # fmt: skip


async def test_people_delete_only_their_own_rows_whomever_they_name(database: Database) -> None:
    service = await database.connect()
    alice = await database.connect("authenticated", ALICE)
    for owner in (ALICE, BOB, None):
        await keep(service, owner, "x")
    ids = [row["id"] for row in await service.fetch("select id from public.cogo_embeddings")]

    assert await forget(alice, owner=BOB, every_owner=True, ids=ids) == 1
    assert await left(service) == [(BOB, "x"), (None, "x")]


async def test_an_anonymous_caller_deletes_nothing(database: Database) -> None:
    service = await database.connect()
    nobody = await database.connect("authenticated")
    await keep(service, None, "x")

    assert await forget(nobody, content="x") == 0
    assert await left(service) == [(None, "x")]


async def test_operators_forget_for_one_owner_for_nobody_or_for_all(database: Database) -> None:
    service = await database.connect()
    for owner in (ALICE, BOB, None):
        await keep(service, owner, "x")
        await keep(service, owner, "y")

    assert await forget(service, content="x") == 1
    assert await forget(service, content="x", owner=BOB) == 1
    assert await forget(service, model_id="m", every_owner=True) == 4
    assert await left(service) == []


async def test_nothing_is_forgotten_when_nothing_says_what(database: Database) -> None:
    service = await database.connect()
    await keep(service, None, "x")

    with pytest.raises(asyncpg.PostgresError, match="name the texts") as refused:
        await forget(service, every_owner=True)

    assert refused.value.sqlstate == "TQ004"
    assert len(await left(service)) == 1
