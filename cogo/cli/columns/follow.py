"""Progress of AI columns, live."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cogo.cli.columns.format import describe_spending, is_filling, list_status_lines
from cogo.cli.progress import Bar
from cogo.terminal import expand_commands, neutralize, print_line
from protocol.ids import utc_now
from protocol.records.columns import ColumnRow
from protocol.store.columns import ColumnStore

POLL_SECONDS: Final = 1.0
_LINE_SECONDS: Final = 10.0
"""Between two texts where there is no terminal."""
_WINDOW_SECONDS: Final = 20.0
"""Over which a rate is measured."""


class RateMeter:
    """The rate of a backfill over the last seconds."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int]] = []

    def measure(self, row: ColumnRow, *, at: float) -> float | None:
        """Return the rows a second; None until there is something to compare."""
        done = row.backfill.done if row.backfill else 0
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((at, done))
        while at - self._seen[0][0] > _WINDOW_SECONDS:
            self._seen.pop(0)
        since, before = self._seen[0]
        return (done - before) / (at - since) if at - since >= POLL_SECONDS else None


async def follow_backfill(store: ColumnStore, column_id: UUID, bar: Bar) -> ColumnRow:
    """Show the progress of a backfill until it ends or the column stops; return its last state."""
    while True:
        row = await store.fetch_column(column_id=column_id)
        if row.backfill is not None:
            bar.show(row.backfill.done, row.backfill.total, text=describe_progress(row))
        if not is_filling(row) or row.is_paused or row.standing_still:
            return row
        await asyncio.sleep(POLL_SECONDS)


async def watch_columns(store: ColumnStore, column_ids: Sequence[UUID]) -> None:
    """Show the status of columns until cancelled."""
    meters = {each: RateMeter() for each in column_ids}
    with _open_screen() as show:
        while True:
            rows = [each for each in await store.fetch_columns() if each.id in meters]
            now, at = utc_now(), time.monotonic()
            rates = {row.id: meters[row.id].measure(row, at=at) for row in rows}
            lines = [
                neutralize(expand_commands(line), one_line=True)
                for row in rows
                for line in list_status_lines(row, now=now, rate=rates[row.id])
            ]
            show("\n".join(lines))
            await asyncio.sleep(POLL_SECONDS)


def describe_progress(row: ColumnRow) -> str:
    """Return what a backfill has spent and which rows failed, as its bar has room for it."""
    failed = f", {row.failed:,} failed" if row.failed else ""
    return f"{describe_spending(row).partition(';')[0]}{failed}"


@contextmanager
def _open_screen() -> Iterator[Callable[[str], None]]:
    """Return what shows a text: in place on a terminal, elsewhere now and then."""
    if sys.stdout.isatty():
        with Live(console=Console(), auto_refresh=False) as live:
            yield lambda text: live.update(
                Text(text, overflow="ellipsis", no_wrap=True), refresh=True
            )
        return
    shown_at: float | None = None

    def show(text: str) -> None:
        nonlocal shown_at
        if shown_at is None or time.monotonic() - shown_at >= _LINE_SECONDS:
            print_line(text)
            shown_at = time.monotonic()

    yield show
