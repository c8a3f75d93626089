"""The check of AI columns: which pause, stand still or fail."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Final

from cogo.doctor.check import Check, note, ok
from protocol.errors import CogoError
from protocol.records.columns import ColumnRow
from protocol.store.columns import ColumnStore

_NAME: Final = "AI columns"
_FIX: Final = "cogo columns status"


async def check_columns(store: ColumnStore) -> AsyncIterator[Check]:
    """Check all AI columns; yield nothing if there are none."""
    try:
        columns = await store.fetch_columns()
    except CogoError as error:
        yield note(_NAME, str(error), "cogo migrate")
        return
    problems = list_column_troubles(columns)
    for problem in problems:
        yield problem
    if columns and not problems:
        pending = sum(row.pending for row in columns)
        done = sum(row.done for row in columns)
        count = f"{len(columns)} column{'' if len(columns) == 1 else 's'}"
        yield ok(_NAME, f"{count}, {done:,} values written, {pending:,} pending")


def list_column_troubles(columns: Sequence[ColumnRow]) -> list[Check]:
    """Return what is wrong; for columns that stand still for one reason, as in a copy, once."""
    still = Counter(row.standing_still for row in columns)
    found = {
        row.id: note(_NAME, f"{still[row.standing_still]} stand still: {row.standing_still}", _FIX)
        if row.standing_still and still[row.standing_still] > 1
        else find_column_trouble(row)
        for row in columns
    }
    return [check for check in dict.fromkeys(found.values()) if check is not None]


def find_column_trouble(row: ColumnRow) -> Check | None:
    """Return what keeps a column from being filled, or which rows failed."""
    if row.standing_still:
        return note(_NAME, f"{row.name} stands still: {row.standing_still}", _FIX)
    if row.error:
        return note(_NAME, f"{row.name} fails and is tried again: {row.error}", _FIX)
    if row.is_paused and row.paused_until is not None:
        until = row.paused_until.isoformat(timespec="minutes")
        return note(_NAME, f"{row.name} pauses until {until}: {row.paused_reason}", "cogo budget")
    if row.is_paused:
        return note(_NAME, f"{row.name} is paused: {row.paused_reason}", _FIX)
    if row.failed:
        return note(_NAME, f"{row.failed:,} rows of {row.name} failed", _FIX)
    return None
