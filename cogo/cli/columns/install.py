"""`cogo columns add` and `change`: let models write a column, and change what they are asked."""

from dataclasses import replace
from typing import Annotated, Final
from uuid import UUID

import typer

from cogo.cli.columns.control import print_stale
from cogo.cli.columns.database import RowCount, count_empty_rows, fetch_samples, open_tables
from cogo.cli.columns.estimate import plan_rows
from cogo.cli.columns.offer import (
    Offer,
    describe_estimate,
    fetch_row,
    print_offer,
    show_progress,
)
from cogo.cli.columns.options import (
    Backfill,
    Column,
    ColumnIfMany,
    ColumnModel,
    ColumnPrefer,
    ColumnProject,
    ColumnSchema,
    DryRun,
    Ever,
    OpenTasks,
    Overwrite,
    OwnerColumn,
    PerDay,
    PerRow,
    PrintSql,
    Prompt,
    Sources,
    Table,
    Wait,
    Yes,
    apply_options,
    choose_column,
    find_columns,
    require_prompt,
)
from cogo.cli.columns.statement import (
    ColumnSettings,
    build_install,
    is_new_version,
    read_settings,
    unquote_table,
)
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import confirm_action, run_with_store
from cogo.cli.task_options import DataPolicy, Params, Policy
from cogo.config.context import Project
from cogo.errors import CommandError, UsageError
from cogo.terminal import print_json, print_line, print_text
from protocol.records.columns import ColumnRow
from protocol.store.gateway import GatewayStore

SAMPLED_ROWS: Final = 50


def add_column(
    *,
    table: Table,
    column: Column,
    prompt: Prompt = None,
    per_day: PerDay = None,
    per_row: PerRow = None,
    ever: Ever = None,
    model: ColumnModel = None,
    prefer: ColumnPrefer = None,
    policy: Policy = None,
    data_policy: DataPolicy = None,
    params: Params = None,
    schema: ColumnSchema = None,
    owner_column: OwnerColumn = None,
    source: Sources = None,
    overwrite: Overwrite = None,
    open_tasks: OpenTasks = None,
    project_name: ColumnProject = None,
    backfill: Backfill = False,
    sql: PrintSql = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    wait: Wait = True,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Have models write a column of a table of yours.

    The column must exist; its type decides what models may answer. From then on the value is made
    for every row that is inserted, and anew when a column changes that the prompt names; --backfill
    also fills the rows that are there, after showing an estimate. Needs the URL of the database
    (SUPABASE_DB_URL, or that of the embedded server), as the owner of the table.

    Examples:
        cogo columns add public.tickets summary --prompt 'Summarise: {body}' --max-usd-per-day 2
        cogo columns add public.tickets urgency --prompt 'How urgent? {body}' --backfill
        cogo columns add public.pages facts --prompt 'Facts in {text}' --schema facts.json --dry-run
        cogo columns add public.pages near --prompt '{text}' --model text-embedding-3-small
        cogo columns add public.tickets summary --prompt '{subject} {body}' --sql >> migration.sql
    """
    settings = apply_options(
        ColumnSettings(table=table, column=column, prompt=""),
        prompt=prompt, per_day=per_day, per_row=per_row, ever=ever, model=model, prefer=prefer,
        policy=policy, data_policy=data_policy, params=params, schema=schema,
        owner_column=owner_column, sources=source, overwrite=overwrite, open_tasks=open_tasks,
        project=project_name,
    )  # fmt: skip
    require_prompt(settings)
    if sql:
        print_line(build_install(settings, backfill=backfill))
        return
    project = Project.find(directory)
    offer = run_with_store(project, lambda store: _prepare(project, store, settings))
    if not as_json:
        print_offer(offer, rows="without a value")
    if dry_run:
        if as_json:
            print_json({"id": None, **offer.to_json()})
        return
    fills = backfill and offer.count.rows > 0
    if fills:
        question = f"Fill {offer.count.describe()}? It costs {describe_estimate(offer)}."
        confirm_action(question, yes=yes, as_json=as_json)
    column_id = run_with_store(project, lambda _: install(project, settings, backfill=backfill))
    if as_json:
        print_json({"id": str(column_id), "backfill": backfill, **offer.to_json()})
        return
    _print_next(offer, fills=fills)
    if fills and wait:
        show_progress(project, fetch_row(project, column_id))


async def _prepare(project: Project, store: GatewayStore, settings: ColumnSettings) -> Offer:
    """Check the settings and price the rows. Raises CommandError."""
    there = find_columns(await store.fetch_columns(), settings.table, settings.column)
    if there:
        raise CommandError(
            f"{there[0].name} is an AI column already",
            hint="`cogo columns change` changes it, `cogo columns status` shows it",
        )
    async with open_tables(project) as database:
        samples = await fetch_samples(database, settings, rows=SAMPLED_ROWS)
        count = await count_empty_rows(database, settings)
    plan = await plan_rows(project, store, samples, rows=count.rows)
    return Offer(settings=settings, samples=samples, count=count, plan=plan)


async def install(project: Project, settings: ColumnSettings, *, backfill: bool = False) -> UUID:
    """Install or change a column; return its id. Raises CommandError."""
    async with open_tables(project) as database:
        found: UUID = await database.fetchval(build_install(settings, backfill=backfill))
        return found


def _print_next(offer: Offer, *, fills: bool) -> None:
    settings = offer.settings
    name = f"{settings.table} {settings.column}"
    print_text("installed: new and changed rows are filled from now on", err=True)
    if offer.count.rows and not fills:
        rows = f"{offer.count.describe()} that {'is' if offer.count.rows == 1 else 'are'} there"
        print_text(f"`cogo columns backfill {name}` fills the {rows}", err=True)
    if settings.max_usd_per_day is None and settings.max_usd is None:
        print_text(
            f"it has no cap of its own: `cogo columns change {name} --max-usd-per-day 2` sets one",
            err=True,
        )


def change_column(
    *,
    table: Table,
    column: ColumnIfMany = None,
    prompt: Prompt = None,
    per_day: PerDay = None,
    per_row: PerRow = None,
    ever: Ever = None,
    model: ColumnModel = None,
    prefer: ColumnPrefer = None,
    policy: Policy = None,
    data_policy: DataPolicy = None,
    params: Params = None,
    schema: ColumnSchema = None,
    owner_column: OwnerColumn = None,
    source: Sources = None,
    overwrite: Overwrite = None,
    open_tasks: OpenTasks = None,
    project_name: ColumnProject = None,
    backfill: Annotated[
        bool,
        typer.Option("--backfill", help="Also make the stale values anew, after a question."),
    ] = False,
    sql: PrintSql = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    wait: Wait = True,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Change what an AI column is asked, by which model, and its caps.

    What is not named stays. Another prompt, model, preference, parameter, schema or source is a new
    version: values of earlier ones become stale, and stay until --backfill or `cogo columns
    backfill --stale` makes them anew. The estimate says what that would cost.

    Examples:
        cogo columns change public.tickets summary --prompt 'In five words: {body}' --dry-run
        cogo columns change public.tickets summary --model claude-haiku --backfill
        cogo columns change public.tickets summary --max-usd-per-day 5
        cogo columns change public.tickets summary --max-usd-per-day none --model auto
    """
    project = Project.find(directory)
    row = run_with_store(project, lambda store: _choose(store, table, column))
    before = read_settings(row)
    settings = apply_options(
        before,
        prompt=prompt, per_day=per_day, per_row=per_row, ever=ever, model=model, prefer=prefer,
        policy=policy, data_policy=data_policy, params=params, schema=schema,
        owner_column=owner_column, sources=source, overwrite=overwrite, open_tasks=open_tasks,
        project=project_name,
    )  # fmt: skip
    if settings == before:
        raise UsageError("nothing to change: name what is to be another way")
    if sql:
        print_line(build_install(settings))
        return
    offer = run_with_store(project, lambda store: _price_change(project, store, row, settings))
    if not as_json:
        print_offer(offer, rows="would be stale and could be made anew")
    if dry_run:
        if as_json:
            print_json({"id": str(row.id), **offer.to_json()})
        return
    fills = backfill and offer.count.rows > 0
    if fills:
        question = (
            f"Make {offer.count.describe('value')} anew? It costs {describe_estimate(offer)}."
        )
        confirm_action(question, yes=yes, as_json=as_json)
    after = run_with_store(project, lambda store: _change(project, store, row, settings, fills))
    if as_json:
        print_json({"id": str(row.id), "version": after.version, "backfill": fills})
        return
    print_line(f"{unquote_table(after.name)} has version {after.version}")
    if fills and wait:
        show_progress(project, after)
    else:
        print_stale(after)


async def _choose(store: GatewayStore, table: str, column: str | None) -> ColumnRow:
    return choose_column(await store.fetch_columns(), table, column)


async def _price_change(
    project: Project, store: GatewayStore, row: ColumnRow, settings: ColumnSettings
) -> Offer:
    """Check the settings and price the values that would be stale. Raises CommandError."""
    async with open_tables(project) as database:
        samples = await fetch_samples(database, settings, rows=SAMPLED_ROWS)
    is_new = is_new_version(read_settings(row), settings)
    count = RowCount(row.done + row.stale if is_new else row.stale)
    plan = await plan_rows(project, store, samples, rows=count.rows)
    per_day = settings.max_usd_per_day or row.max_usd_per_day
    priced = replace(settings, max_usd_per_day=per_day)
    return Offer(settings=priced, samples=samples, count=count, plan=plan)


async def _change(
    project: Project, store: GatewayStore, row: ColumnRow, settings: ColumnSettings, fills: bool
) -> ColumnRow:
    await install(project, settings)
    if fills:
        await store.backfill_column(column_id=row.id, states=["stale"])
    return await store.fetch_column(column_id=row.id)
