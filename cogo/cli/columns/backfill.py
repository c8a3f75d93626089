"""`cogo columns backfill`: ask for rows that were there before, or once more."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final

import typer

from cogo.cli.columns.database import RowCount
from cogo.cli.columns.estimate import ColumnEstimate, ColumnPlan, plan_rows, price_measured
from cogo.cli.columns.format import count_things
from cogo.cli.columns.offer import (
    Offer,
    describe_estimate,
    fetch_row,
    print_offer,
    show_progress,
)
from cogo.cli.columns.options import ColumnIfMany, DryRun, Table, Wait, Yes, choose_column
from cogo.cli.columns.statement import read_settings
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import confirm_action, run_with_store
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_text
from protocol.records.columns import ColumnRow
from protocol.store.gateway import GatewayStore

_SAMPLED_ROWS: Final = 20
_MEASURED: Final = 200
"""Finished cells of whose costs the average is taken."""
_ENOUGH: Final = 5
"""Fewer costs than this say less than the prompts do."""
_WHICH: Final = {
    "missing": "without a value",
    "stale": "made by another version",
    "failed": "failed",
    "kept": "written by persons",
}


def backfill_column(
    *,
    table: Table,
    column: ColumnIfMany = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Rows without a value (the default).")
    ] = False,
    stale: Annotated[
        bool, typer.Option("--stale", help="Values that another version made.")
    ] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Rows that failed.")] = False,
    kept: Annotated[
        bool, typer.Option("--kept", help="Values that persons wrote: they are overwritten.")
    ] = False,
    most: Annotated[
        int | None, typer.Option("--limit", min=1, help="Ask for at most this many rows.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    wait: Wait = True,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Fill rows that are there already, after an estimate and a question.

    Rows that are inserted or changed meanwhile come first, and all caps hold: a column that may
    spend two dollars a day takes as many days as it needs. Ctrl-C stops the display, not the
    backfill.

    Examples:
        cogo columns backfill public.tickets summary
        cogo columns backfill public.tickets summary --stale --failed --yes
        cogo columns backfill public.tickets summary --limit 1000 --no-wait
        cogo columns backfill public.tickets summary --dry-run --json
    """
    given = {"missing": missing, "stale": stale, "failed": failed, "kept": kept}
    states = [state for state, wanted in given.items() if wanted] or ["missing"]
    project = Project.find(directory)

    async def prepare(store: GatewayStore) -> tuple[ColumnRow, Offer]:
        row = choose_column(await store.fetch_columns(), table, column)
        return row, await prepare_backfill(project, store, row, states=states, most=most)

    row, offer = run_with_store(project, prepare)
    if not as_json:
        print_offer(offer, rows=" or ".join(_WHICH[each] for each in states))
    if dry_run or not offer.count.rows:
        if as_json:
            print_json({"id": str(row.id), "states": states, **offer.to_json()})
        return
    overwrites = " Values of persons are overwritten." if kept else ""
    question = f"Ask for {offer.count.describe()}? It costs {describe_estimate(offer)}."
    confirm_action(question + overwrites, yes=yes, as_json=as_json)
    done = run_with_store(
        project,
        lambda store: store.backfill_column(column_id=row.id, states=states, limit=most),
    )
    if as_json:
        print_json({"id": str(row.id), "states": states, **offer.to_json(), "rows": done.cells})
        return
    if row.is_paused:
        print_text("the column is paused: `cogo columns resume` lets it begin", err=True)
    print_line(f"asking for {count_things(done.cells, 'row')}")
    if wait and not row.is_paused:
        show_progress(project, fetch_row(project, row.id))


async def prepare_backfill(
    project: Project,
    store: GatewayStore,
    row: ColumnRow,
    *,
    states: Sequence[str],
    most: int | None = None,
) -> Offer:
    """Count and price the rows. Raises CommandError, MoveNotAllowed."""
    counted = await store.backfill_column(column_id=row.id, states=states, limit=most, dry_run=True)
    samples = await store.sample_column(column_id=row.id, rows=_SAMPLED_ROWS)
    plan = await plan_rows(project, store, samples, rows=counted.cells)
    if not plan.is_simulated:
        plan = await _price_by_costs(store, row, plan, counted.cells)
    # How long it lasts depends on the cap that there is.
    settings = replace(read_settings(row), max_usd_per_day=row.max_usd_per_day)
    return Offer(settings=settings, samples=samples, count=RowCount(counted.cells), plan=plan)


async def _price_by_costs(
    store: GatewayStore, row: ColumnRow, plan: ColumnPlan, rows: int
) -> ColumnPlan:
    """Return the plan priced by what rows of this version have cost, if there are enough."""
    done = await store.find_cells(
        column_id=row.id, limit=_MEASURED, every_owner=True, states=["done"]
    )
    costs = [each.cost_usd for each in done if each.version == row.version and each.cost_usd]
    if len(costs) < _ENOUGH:
        return plan
    estimate = ColumnEstimate(
        rows=rows, per_row=price_measured(costs), basis=f"the costs of {len(costs)} rows"
    )
    return ColumnPlan(model=plan.model, reason=plan.reason, is_simulated=False, estimate=estimate)
