"""The column of `cogo demo`, on a running system."""

from datetime import timedelta

import asyncpg
import pytest

from cogo.cli.local.demo_column import TICKETS, insert_tickets, tell_column, wait_for_summaries
from cogo.config.database import connect_database
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e


async def test_the_rows_of_the_demo_get_their_summaries(system: System) -> None:
    async with connect_database(system.state.db_url) as database:
        await insert_tickets(database)
        summaries = await wait_for_summaries(database, within=timedelta(seconds=120))
        with pytest.raises(asyncpg.DuplicateTableError):
            await insert_tickets(database)
        await database.execute("drop table public.tickets")

    assert list(summaries) == [subject for subject, _ in TICKETS]
    assert "about" in str(summaries["Refund"])


def test_what_was_not_written_yet_is_said() -> None:
    lines = tell_column({"Refund": "Wants\nmoney.", "Login": None})
    assert lines[-2:] == ["  Refund  Wants money.", "  Login   (not yet)"]
