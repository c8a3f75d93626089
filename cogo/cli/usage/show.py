"""`cogo usage`: the tokens and costs of calls to models."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

import typer

from cogo.cli.options import AsJson, Dir, Since, parse_owner, parse_since
from cogo.cli.session import run_with_store
from cogo.errors import UsageError
from cogo.terminal import count_noun, print_json, print_table, print_text, write_text
from cogo.watch.format import mark_simulated
from gateway.usage.csv_text import format_usage_csv
from gateway.usage.zones import UTC_NAME, add_zone, find_zone
from protocol.errors import InvalidArgument
from protocol.records import UsageBucket, UsageKey, UsageQuery, UsageReport, UsageRow
from protocol.records.spending import NOBODY

_FIGURES: Final = {
    "TASKS": "tasks", "CALLS": "calls", "FAILED": "failed", "IN": "input_tokens",
    "CACHED": "cached_tokens", "WRITTEN": "cache_write_tokens", "OUT": "output_tokens",
    "REASONING": "reasoning_tokens", "COST": "cost_usd", "UNKNOWN COST": "unknown_costs",
    "FIRST TOKEN p50": "first_token_ms_p50", "p95": "first_token_ms_p95",
    "ALL p50": "duration_ms_p50", "ALL p95": "duration_ms_p95",
}  # fmt: skip
_DROPPED: Final = (
    "p95", "FIRST TOKEN p50", "WRITTEN", "CACHED", "REASONING", "ALL p95", "TASKS", "ALL p50",
    "FAILED", "UNKNOWN COST", "IN", "OUT", "CALLS",
)  # fmt: skip
"""Columns that a narrow terminal leaves out, the least important first."""
_NO_CALLS: Final = "no model was called in this period"


By = Annotated[
    list[UsageKey] | None,
    typer.Option(
        "--by",
        help="Group the calls by this, or twice: by both (without --bucket: by model).",
    ),
]
Bucket = Annotated[
    UsageBucket, typer.Option("--bucket", help="Group the calls by hour, day or month.")
]
Until = Annotated[
    str | None,
    typer.Option("--until", help="End of the period, not included: a span or a date."),
]
Month = Annotated[
    str | None,
    typer.Option("--month", help="A month, as 2026-11: by day, model and project, with --csv."),
]
Zone = Annotated[
    str, typer.Option("--zone", help="Time zone of days and months, as Europe/Berlin.")
]


def show_usage(
    *,
    by: By = None,
    bucket: Bucket = UsageBucket.ALL,
    since: Since = None,
    until: Until = None,
    month: Month = None,
    zone: Zone = UTC_NAME,
    project: Annotated[
        str | None, typer.Option("--project", help="Only calls of this project; none: without one.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="Only calls for this user (UUID), or none.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show tokens, costs and latencies.

    Sums the calls of the audit log; without --since those of the last 30 days. Calls whose cost is
    unknown are counted as such and not included in the cost. A task with several tags counts for
    each of them.

    Examples:
        cogo usage
        cogo usage --bucket day --by model --since 7d
        cogo usage --by owner --by project --json
        cogo usage --month 2026-11 --csv > november.csv
    """
    if as_csv and as_json:
        raise UsageError("--csv and --json exclude each other")
    if month is not None and (since is not None or until is not None):
        raise UsageError("--month is a period of its own: leave out --since and --until")
    period = parse_month(month, zone) if month else parse_period(since, until, zone)
    if month and bucket is UsageBucket.ALL:
        bucket = UsageBucket.DAY
    keys = by or _choose_keys(bucket, is_month=month is not None)
    query = UsageQuery(
        since=period.since,
        until=period.until,
        bucket=bucket,
        by=keys,
        zone=zone,
        project="" if project == "none" else project,
        owner=_parse_owner(owner),
    )
    report = run_with_store(directory, lambda store: store.fetch_usage(query))
    if as_json:
        print_json(report.model_dump(mode="json", exclude_unset=True))
    elif as_csv:
        write_text(format_usage_csv(report))
    else:
        _print(report)


@dataclass(frozen=True, slots=True)
class Period:
    """A period; None as its beginning or end is the default."""

    since: datetime | None
    until: datetime | None


def parse_period(since: str | None, until: str | None, zone: str) -> Period:
    """Return the period that options name; dates are days of the zone. Raise InvalidArgument."""
    place = find_zone(zone)
    first = parse_since(since, zone=place)
    last = parse_since(until, option="--until", zone=place)
    return Period(*(None if each is None else add_zone(each, zone) for each in (first, last)))


def parse_month(text: str, zone: str) -> Period:
    """Return a month of the zone. Raise InvalidArgument."""
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
    if found is None or int(found[1]) < 1:
        raise InvalidArgument(f"--month is {text!r}", hint="example: 2026-11")
    year, month = int(found[1]), int(found[2])
    first = add_zone(datetime(year, month, 1, tzinfo=find_zone(zone)), zone)
    return Period(first, first.replace(year=year + month // 12, month=month % 12 + 1))


def _choose_keys(bucket: UsageBucket, *, is_month: bool) -> list[UsageKey]:
    if is_month:
        return [UsageKey.MODEL, UsageKey.PROJECT]
    return [UsageKey.MODEL] if bucket is UsageBucket.ALL else []


def _parse_owner(text: str | None) -> UUID | None:
    return None if text is None else parse_owner(text) or NOBODY


def _print(report: UsageReport) -> None:
    period = f"{report.since:%Y-%m-%d %H:%M} to {report.until:%Y-%m-%d %H:%M} UTC"
    days = "" if report.zone == UTC_NAME else f", days of {report.zone}"
    print_text(f"(calls from {period}{days})", err=True)
    if not report.rows:
        print_text(_NO_CALLS)
        return
    buckets = [] if report.bucket is UsageBucket.ALL else [report.bucket.upper()]
    headings = (*buckets, *(key.upper() for key in report.by), *_FIGURES)
    print_table(headings, [_build_cells(report, row) for row in report.rows], drop=_DROPPED)
    unknown = sum(row.unknown_costs for row in report.rows)
    if unknown:
        print_text(f"(without the unknown cost of {count_noun(unknown, 'call')})", err=True)


def _build_cells(report: UsageReport, row: UsageRow) -> list[str]:
    names = [] if row.bucket is None else [row.bucket]
    names += [str(getattr(row, key) or "none") for key in report.by]
    if names:
        names[-1] = mark_simulated(names[-1], simulated=row.simulated)
    return names + [_format(getattr(row, name), name) for name in _FIGURES.values()]


def _format(value: Decimal | int | None, name: str) -> str:
    if value is None:
        return "?" if name == "cost_usd" else "-"
    if name == "cost_usd":
        return f"${value:.4f}"
    return f"{value / 1000:.1f} s" if name.endswith(("_p50", "_p95")) else str(value)
