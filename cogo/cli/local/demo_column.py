"""The column of `cogo demo`: a table of tickets whose summaries models write."""

import asyncio
import textwrap
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from cogo.config.database import Database

TABLE: Final = """
create table public.tickets (
  id bigint generated always as identity primary key,
  subject text not null,
  body text not null
)"""
COLUMN: Final = (
    "alter table tickets add column summary text;",
    "select cogo.ai_column('tickets', 'summary', max_usd_per_day => 1,",
    "  prompt => 'Summarise in one sentence: {subject} {body}');",
)
TICKETS: Final = (
    ("Refund", "I was charged twice for order 1042 and want one payment back."),
    ("Login", "Since Monday the app sends me back to the first page after I sign in."),
    ("Praise", "The new search finds what I mean. Please keep it."),
)
_WIDTH: Final = 80
_EVERY: Final = timedelta(milliseconds=200)


async def insert_tickets(database: Database) -> None:
    """Create the table with its column, and insert rows that have no summary."""
    await database.execute(f"{TABLE}; {' '.join(COLUMN)}")
    await database.executemany("insert into tickets (subject, body) values ($1, $2)", TICKETS)


async def wait_for_summaries(database: Database, *, within: timedelta) -> Mapping[str, str | None]:
    """Return the summaries by subject; None for those that were not written in this time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within.total_seconds()
    while True:
        rows = await database.fetch("select subject, summary from tickets order by id")
        found = {row["subject"]: row["summary"] for row in rows}
        if None not in found.values() or loop.time() > deadline:
            return found
        await asyncio.sleep(_EVERY.total_seconds())


def tell_column(summaries: Mapping[str, str | None]) -> Sequence[str]:
    """Return the statements, and what they have led to, in lines that fit 80 columns."""
    width = max(map(len, summaries)) + 4
    rows = [
        line
        for subject, summary in summaries.items()
        for line in textwrap.wrap(
            summary or "(not yet)",
            _WIDTH,
            initial_indent=f"  {subject:<{width - 2}}",
            subsequent_indent=" " * width,
            max_lines=4,
        )
    ]
    return ["A column that fills itself:", *(f"  {line}" for line in COLUMN), "", *rows]
