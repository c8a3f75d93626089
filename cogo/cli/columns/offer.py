"""What a command for an AI column would do and cost, shown before it is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import typer

from cogo.cli.columns.database import RowCount
from cogo.cli.columns.estimate import ColumnPlan, count_days, format_usd
from cogo.cli.columns.follow import follow_backfill
from cogo.cli.columns.format import count_things, is_filling, list_status_lines
from cogo.cli.columns.statement import ColumnSettings, unquote_table
from cogo.cli.progress import Bar, open_bar
from cogo.cli.session import run_with_store
from cogo.config.context import Project
from cogo.terminal import print_line, print_text, shorten
from cogo.watch.format import mark_simulated
from cogo.watch.why_waiting import explain_stop
from protocol.ids import utc_now
from protocol.records.columns import CellRow, ColumnRow, ColumnSample
from protocol.store.gateway import GatewayStore

_PROMPT: Final = 400
_FAILED_READ: Final = 1000
"""Cells of a column whose reasons are grouped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The settings of a column, an example, and the cost of the rows that are there."""

    settings: ColumnSettings
    samples: Sequence[ColumnSample]
    count: RowCount
    plan: ColumnPlan

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "table": unquote_table(self.settings.table),
            "column": self.settings.column,
            "rows": self.count.rows,
            "rows_are_guessed": self.count.is_guess,
            "example": self.samples[0].prompt if self.samples else None,
            **self.plan.to_json(),
        }


def print_offer(offer: Offer, *, rows: str) -> None:
    """Print an offer; `rows` says which rows these are."""
    settings, plan = offer.settings, offer.plan
    print_line(f"{unquote_table(settings.table)}.{settings.column}")
    print_text(f"  prompt    {shorten(settings.prompt, _PROMPT)}", indent=12)
    if plan.model is None:
        print_text(f"  model     none now: {plan.reason}", indent=12)
    else:
        name = mark_simulated(plan.model, simulated=plan.is_simulated)
        print_text(f"  model     {name}: {plan.reason}", indent=12)
    print_text(f"  rows      {offer.count.describe(None)} {rows}", indent=12)
    print_text(f"  estimate  {describe_estimate(offer)}", indent=12)


def describe_estimate(offer: Offer) -> str:
    """Return the cost of all rows with its bounds, and how long the cap makes it last."""
    estimate = offer.plan.estimate
    total = estimate.total
    if offer.plan.is_simulated:
        return "nothing: the vendor simulator answers in place of the model"
    if total.low is None or total.expected is None or total.high is None:
        return "unknown, because no price is known"
    text = (
        f"about {format_usd(total.expected)}, between {format_usd(total.low)} and "
        f"{format_usd(total.high)} ({format_usd(estimate.per_row.expected)} a row, from "
        f"{estimate.basis})"
    )
    days = count_days(total.expected, offer.settings.max_usd_per_day)
    if days is None or offer.settings.max_usd_per_day is None:
        return text
    cap = format_usd(offer.settings.max_usd_per_day)
    return f"{text}; at {cap} a day {days:,} day{'' if days == 1 else 's'}"


def show_progress(project: Project, row: ColumnRow) -> None:
    """Follow a backfill to its end; after Ctrl-C it goes on, which is said."""
    name = f"{unquote_table(row.table_name)} {row.column_name}"

    def explain(bar: Bar) -> str:
        done = (
            ""
            if bar.total is None
            else f"{bar.done:,} of {count_things(bar.total, 'row')} are done; "
        )
        return (
            f"{done}the backfill goes on: `cogo columns status {name} --watch` shows it, "
            f"`cogo columns pause {name}` pauses it"
        )

    with open_bar("backfill", explain=explain) as bar:
        print_text("Ctrl-C stops only this display; the backfill goes on", err=True)
        last, failed = run_with_store(project, lambda store: _follow(store, row.id, bar))
    for line in list_status_lines(last, now=utc_now(), failed=failed):
        print_text(line, indent=13)
    if is_filling(last):
        raise typer.Exit(1)


async def _follow(
    store: GatewayStore, column_id: UUID, bar: Bar
) -> tuple[ColumnRow, list[CellRow]]:
    if stop := await store.fetch_spending_stop():
        print_text(f"no row is asked for: {explain_stop(stop)}", err=True)
    last = await follow_backfill(store, column_id, bar)
    return last, await read_failed(store, last)


async def read_failed(store: GatewayStore, row: ColumnRow) -> list[CellRow]:
    """Return cells of a column that failed, by which the reasons are told."""
    if not row.failed:
        return []
    return await store.find_cells(
        column_id=row.id, limit=_FAILED_READ, every_owner=True, states=["failed"]
    )


def fetch_row(project: Project, column_id: UUID) -> ColumnRow:
    """Read a column."""
    return run_with_store(project, lambda store: store.fetch_column(column_id=column_id))
