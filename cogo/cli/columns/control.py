"""`cogo columns pause`, `resume`, `revert` and `drop`."""

from typing import Annotated

import typer

from cogo.cli.columns.database import open_tables
from cogo.cli.columns.format import count_things
from cogo.cli.columns.options import ColumnIfMany, PrintSql, Table, choose_column
from cogo.cli.columns.statement import build_removal, build_reversal, unquote_table
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import confirm_action, run_with_store
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_text
from protocol.records.columns import ColumnChange, ColumnRow
from protocol.store.gateway import GatewayStore


def pause_column(
    *,
    table: Table,
    column: ColumnIfMany = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why, for those who look at its status.")
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Pause an AI column: nothing more is asked until it is resumed.

    Edits are still noted, and what was asked for is still written.

    Examples:
        cogo columns pause public.tickets summary --reason 'the prompt is wrong'
    """

    async def pause(store: GatewayStore) -> tuple[ColumnRow, ColumnChange]:
        row = choose_column(await store.fetch_columns(), table, column)
        return row, await store.pause_column(column_id=row.id, reason=reason)

    row, done = run_with_store(directory, pause)
    _print(done, f"{unquote_table(row.name)} is paused", as_json=as_json)


def resume_column(
    *, table: Table, column: ColumnIfMany = None, directory: Dir = None, as_json: AsJson = False
) -> None:
    """Resume an AI column, also one that a spent cap has paused.

    Caps are not raised: a column whose cap is still spent pauses again.

    Examples:
        cogo columns resume public.tickets summary
    """

    async def resume(store: GatewayStore) -> tuple[ColumnRow, ColumnChange]:
        row = choose_column(await store.fetch_columns(), table, column)
        return row, await store.resume_column(column_id=row.id)

    row, done = run_with_store(directory, resume)
    _print(done, f"{unquote_table(row.name)} goes on: {done.cells:,} pending", as_json=as_json)


def revert_column(
    *,
    table: Table,
    column: ColumnIfMany = None,
    version: Annotated[
        int | None, typer.Option("--to", min=1, help="The version (default: the one before).")
    ] = None,
    sql: PrintSql = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Go back to an earlier version of the prompt, the model and what else is asked.

    Values that the earlier version made are up to date again; those of the later one are stale.

    Examples:
        cogo columns revert public.tickets summary
        cogo columns revert public.tickets summary --to 1
    """
    project = Project.find(directory)
    row = _find(project, table, column)
    statement = build_reversal(row.table_name, row.column_name, version)
    if sql:
        print_line(statement)
        return
    run_with_store(project, lambda _: _execute(project, statement))
    after = run_with_store(project, lambda store: store.fetch_column(column_id=row.id))
    if as_json:
        print_json(after)
        return
    print_text(f"{unquote_table(row.name)} has version {after.version}: {after.prompt}")
    print_stale(after)


def drop_column(
    *,
    table: Table,
    column: ColumnIfMany = None,
    sql: PrintSql = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Make an AI column an ordinary one.

    The column and its values stay. Its triggers, versions and the state of its rows are deleted,
    and its open tasks are cancelled.

    Examples:
        cogo columns drop public.tickets summary
        cogo columns drop public.tickets summary --sql >> migration.sql
    """
    project = Project.find(directory)
    row = _find(project, table, column)
    statement = build_removal(row.table_name, row.column_name)
    if sql:
        print_line(statement)
        return
    open_ = f", {row.pending:,} rows still pending" if row.pending else ""
    question = f"Let no model write {unquote_table(row.name)} any more{open_}? Its values stay."
    confirm_action(question, yes=yes, as_json=as_json)
    run_with_store(project, lambda _: _execute(project, statement))
    if as_json:
        print_json({"id": str(row.id), "dropped": True})
    else:
        print_line(f"{unquote_table(row.name)} is an ordinary column now")


def print_stale(row: ColumnRow) -> None:
    """Print how the values of other versions are made anew, if there are any."""
    if row.stale:
        name = f"{unquote_table(row.table_name)} {row.column_name}"
        print_text(
            f"made by another version: {count_things(row.stale, 'value')}; "
            f"`cogo columns backfill {name} --stale` makes them anew",
            err=True,
        )


def _find(project: Project, table: str, column: str | None) -> ColumnRow:
    columns = run_with_store(project, lambda store: store.fetch_columns())
    return choose_column(columns, table, column)


async def _execute(project: Project, statement: str) -> None:
    async with open_tables(project) as database:
        await database.execute(statement)


def _print(done: ColumnChange, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
    else:
        print_line(sentence)
