"""The order of what a search of memory finds: by words, by likeness, and by both."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.sql.database import ALICE, Connection, Database
from tests.support.sql.memory import find, remember, search

pytestmark = pytest.mark.db


async def test_many_texts_with_the_words_do_not_hide_the_likeliest(database: Database) -> None:
    """Questions share words with many texts that do not answer them."""
    service = await database.connect()
    answer = "Parking is free after six."
    others = [f"A contract about work number {number}." for number in range(40)]
    await remember(service, ALICE, answer, *others)
    likeness = {answer: 0.8} | {text: 0.4 - 0.001 * n for n, text in enumerate(others)}

    found = await _find(service, "What does a car need at work?", likeness)

    assert found[0] == answer


async def test_a_rare_word_finds_what_no_vector_does(database: Database) -> None:
    service = await database.connect()
    wanted = "Code QX-4711 means that the pump is dry."
    others = [f"A code that means something, number {number}." for number in range(40)]
    await remember(service, ALICE, wanted, *others)
    # As likeness falls off in what models find.
    likeness = {text: 0.2 + 0.6 / (1 + n / 4) for n, text in enumerate(others)}

    for given in (likeness | {wanted: 0.1}, likeness):
        assert wanted in (await _find(service, "What is QX-4711?", given))[:10]
    [first] = await search(service, ALICE, "What is QX-4711?", limit=1)
    assert first["content"] == wanted
    assert first["score"] == pytest.approx(0.4)


@pytest.mark.parametrize("least", [-0.9, 0.0, 0.7])
async def test_the_order_does_not_depend_on_how_like_a_model_finds_everything(
    database: Database, least: float
) -> None:
    service = await database.connect()
    texts = [f"Apples of sort {number}{' with a pear' * (number % 3)}." for number in range(20)]
    await remember(service, ALICE, *texts)
    likeness = {text: number * 7 % 20 / 20 for number, text in enumerate(texts)}
    expected = await _find(service, "a pear", likeness)

    moved = {text: least + (1 - least) * each for text, each in likeness.items()}

    assert await _find(service, "a pear", moved) == expected


async def test_a_long_text_needs_a_word_more_often(database: Database) -> None:
    service = await database.connect()
    padding = " ".join(f"word{number}" for number in range(200))
    await remember(service, ALICE, f"An apple among others: {padding}", "An apple.", "A pear.")

    assert await find(service, ALICE, "apple") == ["An apple.", f"An apple among others: {padding}"]


async def test_what_vectors_find_is_ranked_by_its_words_too(database: Database) -> None:
    """Also where more texts have the words than the search by words returns."""
    service = await database.connect()
    texts = [f"apple number {number} " + "more " * number for number in range(60)]
    await remember(service, ALICE, *texts)
    ids = await _read_ids(service)

    given: list[dict[str, Any]] = [{"id": ids[text], "likeness": 0.5} for text in texts[-2:]]
    found = await search(service, ALICE, "apple", candidates=given, limit=2)

    assert {hit["content"] for hit in found} == set(texts[-2:])
    assert [hit["found_by"] for hit in found] == [["words", "vectors"]] * 2
    assert all(hit["score"] > 0.6 for hit in found)


async def _find(who: Connection, query: str, likeness: Mapping[str, float]) -> list[str]:
    """Return the first ten texts for a query of which vectors say this likeness."""
    ids = await _read_ids(who)
    given = [{"id": ids[text], "likeness": each} for text, each in likeness.items()]
    return await find(who, ALICE, query, candidates=given)


async def _read_ids(who: Connection) -> dict[str, str]:
    rows = await who.fetch("select id, content from public.cogo_memories where owner = $1", ALICE)
    return {row["content"].strip(): str(row["id"]) for row in rows} | {
        row["content"]: str(row["id"]) for row in rows
    }
