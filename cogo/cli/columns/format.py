"""AI columns as text. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from cogo.cli.columns.estimate import format_usd
from cogo.cli.columns.statement import unquote_table
from cogo.terminal import shorten
from protocol.records.columns import CellRow, ColumnRow, describe_key

_PROMPT: Final = 200
_REASON: Final = 300
_LEAST_SECONDS: Final = 2.0
"""Before a backfill is this old, its rate would be noise."""


def count_things(number: int, noun: str) -> str:
    """Return a number with its noun, as in "1 row" and "1,000 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def describe_state(row: ColumnRow) -> str:
    """Return in a few words what a column does now."""
    if row.standing_still:
        return "stands still"
    if row.is_paused:
        if row.paused_at is not None or row.paused_until is None:
            return "paused"
        return f"paused until {_format_time(row.paused_until)}"
    if row.error:
        return "failing"
    if is_filling(row):
        return f"backfill {format_share(row)}"
    if row.pending:
        return "works"
    if row.failed:
        return "some failed"
    return "some stale" if row.stale else "up to date"


def is_filling(row: ColumnRow) -> bool:
    """Return whether a backfill is going on."""
    return row.backfill is not None and row.backfill.done < row.backfill.total


def format_share(row: ColumnRow) -> str:
    """Return how much of a backfill is done."""
    if row.backfill is None or not row.backfill.total:
        return "100 %"
    return f"{100 * row.backfill.done // row.backfill.total} %"


def list_status_lines(
    row: ColumnRow, *, now: datetime, failed: Sequence[CellRow] = (), rate: float | None = None
) -> list[str]:
    """Return the status of a column, line by line. `rate`: rows a second, if it was measured."""
    lines = [
        f"{unquote_table(row.name)}   {row.type}, version {row.version}: {describe_state(row)}"
    ]
    lines += [f"  {name:<10} {text}" for name, text in _list_facts(row, now, rate) if text]
    for reason, count, key in group_failures(row, failed):
        lines.append(f"  {'failed':<10} {count:,} x {reason} (as {key})")
    return lines


def _list_facts(row: ColumnRow, now: datetime, rate: float | None) -> list[tuple[str, str | None]]:
    owner = f"; owner {row.owner_column}" if row.owner_column else ""
    return [
        ("why", row.standing_still),
        ("paused", _describe_pause(row)),
        ("error", row.error and f"{shorten(row.error, _REASON)}; it is tried again"),
        ("prompt", shorten(row.prompt, _PROMPT)),
        ("sources", ", ".join(row.sources) + owner),
        ("model", row.model or "chosen for each row"),
        ("rows", describe_counts(row)),
        ("backfill", describe_backfill(row, now, rate)),
        ("spent", describe_spending(row)),
    ]


def describe_counts(row: ColumnRow) -> str:
    """Return the number of cells by state."""
    parts = [
        f"{row.done:,} done",
        f"{row.pending:,} pending" + (f" ({row.asked:,} asked)" if row.asked else ""),
    ]
    if row.stale:
        parts.append(f"{row.stale:,} stale (made by another version)")
    if row.failed:
        parts.append(f"{row.failed:,} failed")
    if row.kept:
        parts.append(f"{row.kept:,} kept as persons wrote them")
    return ", ".join(parts)


def describe_backfill(row: ColumnRow, now: datetime, rate: float | None) -> str | None:
    """Return the progress of a backfill with its rate and the time left; None if there is none."""
    filling = row.backfill
    if filling is None or not is_filling(row):
        return None
    text = f"{filling.done:,} of {filling.total:,} ({format_share(row)})"
    if rate is None and filling.started_at is not None:
        age = (now - filling.started_at).total_seconds()
        rate = filling.done / age if age >= _LEAST_SECONDS and filling.done else None
    if not rate:
        return text
    left = timedelta(seconds=(filling.total - filling.done) / rate)
    return f"{text}, {rate:,.1f} rows/s, about {format_duration(left)} left"


def describe_spending(row: ColumnRow) -> str:
    """Return what a column has spent, and its caps."""

    def cap(usd: Decimal | None) -> str:
        return "" if usd is None else f" of {format_usd(usd)}"

    if row.max_usd_per_day is None and row.max_usd is None:
        caps = "; no cap: `cogo columns change ... --max-usd-per-day 2` sets one"
    else:
        caps = ""
    row_cap = (
        "" if row.max_usd_per_row is None else f", at most {format_usd(row.max_usd_per_row)} a row"
    )
    return (
        f"{format_usd(row.spent_today_usd or Decimal())} today{cap(row.max_usd_per_day)}, "
        f"{format_usd(row.spent_usd or Decimal())} in all{cap(row.max_usd)}{row_cap}{caps}"
    )


def group_failures(row: ColumnRow, failed: Sequence[CellRow]) -> list[tuple[str, int, str]]:
    """Return each reason with its number and the key of an example, the most frequent first."""
    groups: dict[str, list[CellRow]] = defaultdict(list)
    for each in failed:
        groups[shorten(each.reason or "no reason was recorded", _REASON)].append(each)
    found = [
        (reason, len(cells), describe_key(row.key_columns, cells[0].key))
        for reason, cells in groups.items()
    ]
    return sorted(found, key=lambda group: -group[1])


def format_duration(span: timedelta) -> str:
    """Return a duration in its largest units."""
    seconds = max(1, round(span.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{round(seconds / size):,} {unit}"
    return f"{seconds} s"


def _describe_pause(row: ColumnRow) -> str | None:
    if not row.is_paused:
        return None
    reason = row.paused_reason or "no reason was given"
    if row.paused_at is not None:
        return f"{reason}; `cogo columns resume` ends it"
    if row.paused_until is None:
        return f"{reason}; it goes on when the cap is raised"
    return f"{reason}; it goes on at {_format_time(row.paused_until)} by itself"


def _format_time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
