"""Documents that are found by what they mean, by the program as users start it."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.e2e.console import SECONDS
from tests.e2e.recipes.conftest import RECIPES, run_file
from tests.support.accounts import PASSWORD, an_email, connected, sign_up
from tests.support.eventually import eventually
from tests.support.node import node_program
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

SEARCH = RECIPES / "semantic-search"
OLDEST_NODE = 22
DOCUMENTS = (
    ("Refunds", "how to get money back for an order"),
    ("Passwords", "how to choose a new password"),
    ("Bread", "flour water salt and time"),
)


@pytest.fixture(autouse=True)
async def table(database: asyncpg.Connection) -> AsyncIterator[None]:
    await run_file(database, SEARCH / "documents.sql")
    yield
    await database.execute("drop table public.documents cascade; drop function match_documents")


def search(
    question: str, system: System, email: str, folder: Path, packages: Path
) -> "subprocess.CompletedProcess[str]":
    """Run the program of the recipe in a copy of its folder."""
    shutil.copytree(SEARCH, folder)
    (folder / "node_modules").symlink_to(packages / "node_modules")
    return subprocess.run(
        [node_program(OLDEST_NODE), "search.mjs", question],
        cwd=folder,
        env={
            "PATH": os.defpath,
            "SUPABASE_URL": system.state.url,
            "SUPABASE_PUBLISHABLE_KEY": system.state.publishable_key,
            "EMAIL": email,
            "PASSWORD": PASSWORD,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def test_a_user_finds_the_closest_documents(
    system: System, database: asyncpg.Connection, javascript_folder: Path, tmp_path: Path
) -> None:
    await database.executemany(
        "insert into public.documents (title, body) values ($1, $2)", DOCUMENTS
    )
    waiting = "select not exists (select from public.documents where embedding is null)"
    await eventually(lambda: database.fetchval(waiting), within=SECONDS)

    email = an_email()
    async with connected(system.state.url, system.state.publishable_key) as client:
        await sign_up(client, email)
    folder = tmp_path / "search"
    question = "how do I get my money back for an order?"
    found = await asyncio.to_thread(search, question, system, email, folder, javascript_folder)

    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert len(lines) == len(DOCUMENTS)
    assert lines[0].endswith(" Refunds")
    assert lines[-1].endswith(" Bread")


async def test_a_changed_document_is_found_by_its_new_text(database: asyncpg.Connection) -> None:
    await database.execute("insert into documents (title, body) values ('Tea', 'green')")
    vector = "select embedding::text from documents"
    first = await eventually(lambda: database.fetchval(vector), within=SECONDS)
    await database.execute("update documents set body = 'black'")

    async def is_new() -> bool:
        return bool(await database.fetchval(vector) != first)

    await eventually(is_new, within=SECONDS)
