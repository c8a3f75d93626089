"""An article with a column for each language."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.e2e.console import SECONDS
from tests.e2e.recipes.conftest import RECIPES, run_file
from tests.support.eventually import eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
async def table(database: asyncpg.Connection) -> AsyncIterator[None]:
    await run_file(database, RECIPES / "translations" / "articles.sql")
    yield
    await database.execute("drop table public.articles cascade")


async def test_an_article_is_translated_and_a_translator_keeps_their_text(
    database: asyncpg.Connection,
) -> None:
    await database.execute("insert into public.articles (body) values ('Bread')")
    assert await database.fetchval("select article_body(a, 'fr') from public.articles a") == "Bread"

    async def translated(wanted: str, *languages: str) -> bool:
        [row] = await database.fetch("select * from public.articles")
        return all(wanted in (row[f"body_{language}"] or "") for language in languages)

    await eventually(lambda: translated("into", "de", "fr", "es"), within=SECONDS)
    [row] = await database.fetch("select * from public.articles")
    assert "into German" in row["body_de"]
    assert "into Spanish" in row["body_es"]

    await database.execute("update public.articles set body_de = 'Brot'")
    await database.execute("update public.articles set body = '[[say:Butter]]'")
    await eventually(lambda: translated("Butter", "fr", "es"), within=SECONDS)
    cells = await database.fetch(
        "select column_name, state from cogo_column_cells where table_name = 'public.articles'"
    )
    states = {cell["column_name"]: cell["state"] for cell in cells}
    assert states == {"body_de": "kept", "body_es": "done", "body_fr": "done"}
    assert await database.fetchval("select article_body(a, 'de') from public.articles a") == "Brot"
