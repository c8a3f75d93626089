"""The lines about AI columns of the pages, typed as they stand there."""

import re
import shlex
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.e2e.console import SECONDS
from tests.support.eventually import eventually
from tests.support.servers.system import System
from tests.support.sources import ROOT

pytestmark = pytest.mark.e2e

PAGE = (ROOT / "docs/how-to/fill-columns-with-ai.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
TABLE = "create table tickets (id serial primary key, subject text, body text)"
FILLED = "select bool_and(summary is not null) from tickets"
SPENDING = ("backfill", "drop")
"""These ask first, and a test is no terminal."""


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
async def _no_tickets(database: asyncpg.Connection) -> AsyncIterator[None]:
    yield
    await database.execute("drop table if exists tickets; drop type if exists urgency")


async def test_the_first_lines_of_the_readme_fill_a_column(database: asyncpg.Connection) -> None:
    await database.execute(TABLE)
    await database.execute(blocks(README, "sql")[0])
    await eventually(lambda: database.fetchval(FILLED), within=SECONDS)


async def test_the_statements_of_the_page_work_from_its_top_to_its_end(
    database: asyncpg.Connection,
) -> None:
    first, *rest = blocks(PAGE, "sql")
    await database.execute(first)
    await eventually(lambda: database.fetchval(FILLED), within=SECONDS)
    await database.execute("alter table tickets add column user_id uuid")
    for each in rest:
        await database.execute(each)
    assert await database.fetch("select from cogo_columns where column_name = 'summary'") == []


async def test_the_commands_of_the_page_work_from_its_top_to_its_end(
    system: System, database: asyncpg.Connection
) -> None:
    await database.execute(f"{TABLE}; alter table tickets add column summary text")
    await database.execute("insert into tickets (subject, body) values ('Old', 'row')")
    typed = [
        shlex.split(line, comments=True)[1:]
        for line in "".join(blocks(PAGE, "sh")).splitlines()
        if line.startswith("cogo columns")
    ]
    assert len(typed) > len(SPENDING)
    for command in [*typed, ["columns", "drop", "public.tickets", "summary"]]:
        if "--watch" not in command:  # until Ctrl-C
            more = ["--yes"] if command[1] in SPENDING else []
            ended = system.cogo(*command, *more)
            assert ended.returncode == 0, (command, ended.stderr)
    assert await database.fetchval(FILLED)
