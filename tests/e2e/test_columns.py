"""An AI column in a running system, from the command line."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest

from tests.support.eventually import eventually
from tests.support.servers.command_line import environment, heed_interrupts
from tests.support.servers.system import STATE, System

pytestmark = pytest.mark.e2e

LANE = "claude-haiku-5-5"
PROMPT = ("--prompt", "Is it urgent? {body}")


def query(system: System, statement: str, *values: object) -> Any:
    """Run a statement as the owner of the tables; return its first value."""

    async def run() -> Any:
        owner = await asyncpg.connect(system.state.db_url)
        try:
            return await owner.fetchval(statement, *values)
        finally:
            await owner.close()

    return asyncio.run(run())


@contextmanager
def notes(system: System, rows: int) -> Iterator[None]:
    """Make a table with a column for models to write."""
    query(system, "create table public.notes (id int primary key, body text, urgent boolean)")
    insert = "insert into public.notes select i, 'text ' || i from generate_series(1, $1::int) i"
    query(system, insert, rows)
    try:
        yield
    finally:
        system.cogo("columns", "drop", "public.notes", "--yes")
        query(system, "drop table public.notes")


def test_a_column_is_tried_then_filled_and_followed_to_its_end(system: System) -> None:
    named = ("public.notes", "urgent", *PROMPT)
    with notes(system, 12):
        tried = system.cogo("columns", "try", *named, "--rows", "2", "--json")
        before = query(system, "select count(urgent) from public.notes")
        added = system.cogo("columns", "add", *named, "--backfill", "--yes")
        filled = query(system, "select count(urgent) from public.notes")
        checked = system.cogo("doctor")
        status = system.cogo("columns", "status", "public.notes")

    assert tried.returncode == 0, tried.stderr
    rows = json.loads(tried.stdout)["rows"]
    assert [each["sources"] for each in rows] == ["text 1", "text 2"]
    assert all(isinstance(each["answer"], bool) and each["simulated"] for each in rows)
    assert before == 0
    assert added.returncode == 0, added.stderr
    assert "12 done, 0 pending" in added.stdout
    assert filled == 12
    assert "AI columns: 1 column, 12 values written, 0 pending" in checked.stdout
    assert "boolean, version 1: up to date" in status.stdout


def test_an_interrupt_ends_the_display_and_not_the_backfill(system: System) -> None:
    command = [
        sys.executable, "-P", "-m", "cogo", "columns", "add", "public.notes", "urgent", *PROMPT,
        "--backfill", "--yes", "--model", LANE, "--dir", str(system.home / STATE),
    ]  # fmt: skip

    async def wait_until_filled() -> None:
        async with system.store() as store:

            async def has_ended() -> bool:
                [row] = await store.fetch_columns()
                return row.done == 12

            await eventually(has_ended, within=120, every=0.5)

    system.cogo("queue", "pause", "--lane", LANE)  # so that it cannot end before the interrupt
    with notes(system, 12):
        with subprocess.Popen(
            command,
            env=environment(system.home),
            cwd=system.home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_interrupts,  # noqa: PLW1509 - no thread runs yet
        ) as following:
            assert following.stderr is not None
            for line in following.stderr:
                if line.startswith("Ctrl-C stops only this display"):
                    break
            following.send_signal(signal.SIGINT)
            said = following.stderr.read()
        resumed = system.cogo("queue", "resume", "--lane", LANE)
        asyncio.run(wait_until_filled())
        left = query(system, "select count(*) from public.notes where urgent is null")

    assert resumed.returncode == 0, resumed.stderr
    assert following.returncode != 0
    assert "the backfill goes on" in said
    assert "columns pause public.notes urgent" in said
    assert left == 0
