"""`cogo columns list` and `cogo columns status`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final, get_args

import typer
from pydantic import JsonValue

from cogo.cli.columns.estimate import format_usd
from cogo.cli.columns.follow import watch_columns
from cogo.cli.columns.format import (
    describe_state,
    list_status_lines,
)
from cogo.cli.columns.offer import read_failed
from cogo.cli.columns.options import ColumnIfMany, choose_column, find_columns
from cogo.cli.columns.statement import unquote_table
from cogo.cli.listing import print_rows, read_pages
from cogo.cli.options import All, AsJson, Dir, Limit
from cogo.cli.session import run_with_store
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_text
from protocol.errors import InvalidArgument
from protocol.ids import utc_now
from protocol.records.columns import CellRow, CellState, ColumnRow, describe_key
from protocol.store.gateway import GatewayStore

_EMPTY: Final = (
    "no AI columns; try `cogo columns add public.tickets summary --prompt 'Summarise: {body}'`"
)
_STATES: Final[tuple[CellState, ...]] = get_args(CellState)


def list_columns(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List AI columns: what is done, and what was spent today.

    Examples:
        cogo columns
        cogo columns list --json
    """
    print_rows(
        run_with_store(directory, lambda store: store.fetch_columns()),
        ("COLUMN", "TYPE", "DONE", "PENDING", "STALE", "FAILED", "KEPT", "TODAY", "CAP", "STATE"),
        _format_column,
        as_json=as_json,
        empty=_EMPTY,
        drop=("TYPE", "KEPT", "STALE", "CAP"),
    )


def show_columns(
    *,
    table: Annotated[
        str | None,
        typer.Argument(metavar="[TABLE]", help="Table with its schema (default: all columns)."),
    ] = None,
    column: ColumnIfMany = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it live, until Ctrl-C.")] = False,
    rows: Annotated[bool, typer.Option("--rows", help="List the state of each row.")] = False,
    state: Annotated[
        str | None, typer.Option("--state", help=f"Only rows of this state: {', '.join(_STATES)}.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only rows that failed.")] = False,
    limit: Limit = 20,
    every: All = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show the status of AI columns, or of their rows.

    Shows counts by state, the rate and the rest of a backfill, what was spent, why a column pauses
    or stands still, and failures by reason, each with an example. --rows, --state and --failed list
    rows by their primary key instead.

    Examples:
        cogo columns status
        cogo columns status public.tickets summary --watch
        cogo columns status public.tickets summary --failed
        cogo columns status public.tickets summary --rows --all --json | jq -c '.[]'
    """
    project = Project.find(directory)
    if rows or failed or state is not None:
        if table is None:
            raise InvalidArgument("name a table and a column, whose rows are to be listed")
        states = _parse_state("failed" if failed else state)
        row, cells, has_more = run_with_store(
            project,
            lambda store: _find_cells(
                store, (table, column), states, limit=limit, every=every, as_json=as_json
            ),
        )
        _print_cells(row, cells, has_more=has_more, as_json=as_json)
        return
    found = run_with_store(project, lambda store: _read_status(store, table, column))
    if watch and not as_json:
        run_with_store(project, lambda store: watch_columns(store, [row.id for row, _ in found]))
    elif as_json:
        print_json([row for row, _ in found])
    elif not found:
        print_text(_EMPTY)
    else:
        for place, (row, cells) in enumerate(found):
            if place:
                print_line()
            for line in list_status_lines(row, now=utc_now(), failed=cells):
                print_text(line, indent=13)


async def _read_status(
    store: GatewayStore, table: str | None, column: str | None
) -> list[tuple[ColumnRow, list[CellRow]]]:
    columns = await store.fetch_columns()
    if table is not None and not find_columns(columns, table, column):
        choose_column(columns, table, column)  # raises NotFound, which lists the names
    return [(row, await read_failed(store, row)) for row in find_columns(columns, table, column)]


async def _find_cells(
    store: GatewayStore,
    named: tuple[str, str | None],
    states: Sequence[CellState],
    *,
    limit: int,
    every: bool,
    as_json: bool,
) -> tuple[ColumnRow, list[CellRow], bool]:
    row = choose_column(await store.fetch_columns(), *named)

    async def read_page(count: int, last: CellRow | None) -> list[CellRow]:
        after: JsonValue = None if last is None else last.key
        return await store.find_cells(
            column_id=row.id, limit=count, every_owner=True, states=states, after=after
        )

    found, has_more = await read_pages(read_page, limit=limit, every=every, as_json=as_json)
    return row, found, has_more


def _print_cells(
    row: ColumnRow, found: Sequence[CellRow], *, has_more: bool, as_json: bool
) -> None:
    print_rows(
        found,
        ("KEY", "STATE", "MODEL", "COST", "DONE", "TASK", "REASON"),
        lambda cell: _format_cell(row, cell),
        as_json=as_json,
        empty="no such rows",
        drop=("TASK", "DONE", "MODEL"),
        brief=True,
    )
    if has_more and not as_json:
        print_text(f"(the first {len(found)}; --limit N shows more, --all all)", err=True)


def _parse_state(state: str | None) -> Sequence[CellState]:
    if state is None:
        return ()
    found = [each for each in _STATES if each == state]
    if not found:
        raise InvalidArgument(f"--state is {state!r}", hint=f"use {', '.join(_STATES)}")
    return found


def _format_column(row: ColumnRow) -> tuple[str, ...]:
    cap = row.max_usd_per_day
    return (
        unquote_table(row.name),
        row.type,
        f"{row.done:,}",
        f"{row.pending:,}",
        f"{row.stale:,}",
        f"{row.failed:,}",
        f"{row.kept:,}",
        format_usd(row.spent_today_usd or Decimal()),
        "none" if cap is None else f"{format_usd(cap)}/day",
        describe_state(row),
    )


def _format_cell(row: ColumnRow, cell: CellRow) -> tuple[str, ...]:
    return (
        describe_key(row.key_columns, cell.key),
        cell.state,
        cell.model or "-",
        "-" if cell.cost_usd is None else format_usd(cell.cost_usd),
        f"{cell.done_at:%Y-%m-%d %H:%M}" if cell.done_at else "-",
        str(cell.task_id)[:8] if cell.task_id else "-",
        cell.reason or "",
    )
