"""`cogo columns try`: ask for a few rows and show the answers, without writing them."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, cast
from uuid import UUID, uuid4

import typer
from pydantic import JsonValue

from cogo.cli.columns.database import (
    RowCount,
    count_empty_rows,
    fetch_samples,
    open_tables,
)
from cogo.cli.columns.estimate import (
    ColumnEstimate,
    format_usd,
    is_embedding,
    list_texts,
    price_measured,
)
from cogo.cli.columns.format import count_things
from cogo.cli.columns.options import (
    Column,
    ColumnModel,
    ColumnPrefer,
    ColumnSchema,
    OwnerColumn,
    PerRow,
    Prompt,
    Sources,
    Table,
    apply_options,
    find_columns,
    require_prompt,
)
from cogo.cli.columns.statement import ColumnSettings, is_new_version, read_settings
from cogo.cli.options import AsJson, Dir
from cogo.cli.progress import Bar, open_bar
from cogo.cli.session import run_with_store
from cogo.cli.task_options import DataPolicy, Params, Policy
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.terminal import print_json, print_table, print_text, shorten
from cogo.watch.format import format_error, format_models, format_simulated_mark
from cogo.wiring.models.spending_gate import require_spending
from protocol.errors import CogoError
from protocol.lifecycle import TaskState
from protocol.records import NewTask, Task
from protocol.records.columns import ColumnSample, describe_key
from protocol.store.gateway import GatewayStore

_DATA: Final = re.compile(r"<data>\n(.*)\n</data>", re.DOTALL)
_POLL_SECONDS: Final = 0.5
_SOURCES: Final = 60
"""Characters."""
_ENDED: Final = frozenset({TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """The rows that were asked for, with their tasks."""

    samples: Sequence[ColumnSample]
    key_columns: Sequence[str]
    tasks: Sequence[Task]
    count: RowCount
    """The rows that could be filled like these."""

    @property
    def estimate(self) -> ColumnEstimate:
        """The cost of all rows."""
        costs = [each.cost_usd for each in self.tasks if each.status == TaskState.COMPLETED]
        basis = f"the costs of {len(costs)} rows"
        return ColumnEstimate(rows=self.count.rows, per_row=price_measured(costs), basis=basis)


def try_column(
    *,
    table: Table,
    column: Column,
    prompt: Prompt = None,
    per_row: PerRow = None,
    model: ColumnModel = None,
    prefer: ColumnPrefer = None,
    policy: Policy = None,
    data_policy: DataPolicy = None,
    params: Params = None,
    schema: ColumnSchema = None,
    owner_column: OwnerColumn = None,
    source: Sources = None,
    rows: Annotated[
        int, typer.Option("--rows", min=1, max=100, help="Number of rows to ask for.")
    ] = 10,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a few rows and show the answers and what they cost; the table stays as it is.

    For a column that is no AI column yet, or for an AI column as it is or with other settings. The
    answers are real and paid for, each at most --max-usd-per-row. Ctrl-C cancels what is open.

    Examples:
        cogo columns try public.tickets summary --prompt 'Summarise in five words: {body}'
        cogo columns try public.tickets summary --model claude-haiku --rows 3
        cogo columns try public.tickets urgency --json
    """
    project = Project.find(directory)
    changes: dict[str, Any] = {
        "prompt": prompt, "per_row": per_row, "model": model, "prefer": prefer, "policy": policy,
        "data_policy": data_policy, "params": params, "schema": schema,
        "owner_column": owner_column, "sources": source,
    }  # fmt: skip
    with open_bar("rows", is_hidden=as_json, explain=_explain) as bar:
        trial = run_with_store(
            project,
            lambda store: _try(project, store, (table, column), changes, rows=rows, bar=bar),
        )
    if as_json:
        print_json(_to_json(trial))
    else:
        _print(trial)
    if not any(each.status == TaskState.COMPLETED for each in trial.tasks):
        raise typer.Exit(1)


async def _try(
    project: Project,
    store: GatewayStore,
    named: tuple[str, str],
    changes: Mapping[str, Any],
    *,
    rows: int,
    bar: Bar,
) -> _Trial:
    there = find_columns(await store.fetch_columns(), *named)
    before = read_settings(there[0]) if there else None
    base = before or ColumnSettings(table=named[0], column=named[1], prompt="")
    settings = apply_options(base, **changes)
    require_prompt(settings)
    keys = there[0].key_columns if there else []
    if there and settings == before:
        samples = await store.sample_column(column_id=there[0].id, rows=rows)
        missing = await store.backfill_column(
            column_id=there[0].id, states=["missing"], dry_run=True
        )
        count = RowCount(missing.cells + there[0].stale)
    else:
        async with open_tables(project) as database:
            samples = await fetch_samples(database, settings, rows=rows)
            count = await count_empty_rows(database, settings)
        if there and before and is_new_version(before, settings):
            count = RowCount(count.rows + there[0].done + there[0].stale, count.is_guess)
    if not samples:
        raise CommandError("there is no row to try it with")
    await require_spending(store)
    print_text(f"asking for {count_things(len(samples), 'row')}; Ctrl-C cancels them", err=True)
    with suppress(TypeError):  # keys of several types, which no row of one table has
        samples = sorted(samples, key=lambda each: cast("list[Any]", each.key))
    bar.show(0, len(samples))
    tasks = await ask(store, samples, settings.project, on_end=bar.advance)
    return _Trial(samples=samples, key_columns=keys, tasks=tasks, count=count)


def _explain(bar: Bar) -> str:
    if bar.total is None:
        return "interrupted: no row was asked for"
    return (
        f"interrupted after {bar.done:,} of {count_things(bar.total, 'row')}; the others are "
        "cancelled, and `cogo tasks` shows the answers that there are"
    )


async def ask(
    store: GatewayStore,
    samples: Sequence[ColumnSample],
    project: str | None = None,
    *,
    on_end: Callable[[], None] = lambda: None,
) -> list[Task]:
    """Submit tasks and return them when all have ended; if cancelled, cancel what is open."""
    sent: list[UUID] = []
    try:
        for sample in samples:
            task_id = uuid4()
            sent.append(task_id)
            await store.submit_task(_build_task(sample, task_id, project))
        return [await _wait_for_end(store, each, on_end) for each in sent]
    except BaseException:
        for each in sent:
            with suppress(CogoError):  # it has ended, or was never stored
                await store.cancel_task(task_id=each, reason="`cogo columns try` was stopped")
        raise


def _build_task(sample: ColumnSample, task_id: UUID, project: str | None) -> NewTask:
    return NewTask(
        id=task_id,
        owner=sample.owner,
        type=sample.type,
        prompt=sample.prompt,
        params=sample.params,
        model=sample.model,
        preferences=sample.preferences,
        budget_usd=sample.budget_usd,
        stream=False,
        project=project,
    )


async def _wait_for_end(store: GatewayStore, task_id: UUID, on_end: Callable[[], None]) -> Task:
    while True:
        task = await store.fetch_task(task_id=task_id)
        if task.status in _ENDED:
            on_end()
            return task
        await asyncio.sleep(_POLL_SECONDS)


def read_answer(task: Task) -> JsonValue:
    """Return the value that would be written; None if there is none."""
    result = task.result or {}
    params = task.params if isinstance(task.params, dict) else {}
    if task.status != TaskState.COMPLETED:
        return None
    if "response_schema" in params:
        data = result.get("data")
        return data.get("value") if isinstance(data, dict) else None
    text = result.get("text")
    return text.strip() if isinstance(text, str) else None


def read_sources(sample: ColumnSample) -> str:
    """Return what the model is shown of a row."""
    if is_embedding(sample):
        return list_texts(sample)[0]
    found = _DATA.findall(sample.prompt)
    try:
        values = json.loads(found[-1]) if found else None
    except ValueError:
        values = None
    if not isinstance(values, dict):
        return sample.prompt
    texts = [each if isinstance(each, str) else json.dumps(each) for each in values.values()]
    return " | ".join(texts)


def _to_json(trial: _Trial) -> dict[str, Any]:
    rows = [
        {
            "key": sample.key,
            "sources": read_sources(sample),
            "answer": read_answer(task),
            "error": task.error,
            "model": format_models(task),
            "cost_usd": task.cost_usd,
            "simulated": task.simulated,
            "task_id": task.id,
        }
        for sample, task in zip(trial.samples, trial.tasks, strict=True)
    ]
    return {"rows": rows, "estimate": trial.estimate.to_json()}


def _print(trial: _Trial) -> None:
    cells = [
        (
            describe_key(trial.key_columns, sample.key),
            shorten(read_sources(sample), _SOURCES),
            format_models(task) or "-",
            "-" if task.cost_usd is None else format_usd(task.cost_usd),
            _format_answer(sample, task),
        )
        for sample, task in zip(trial.samples, trial.tasks, strict=True)
    ]
    print_table(("KEY", "SOURCES", "MODEL", "COST", "ANSWER"), cells, drop=("MODEL", "SOURCES"))
    spent = sum((each.cost_usd or Decimal() for each in trial.tasks), Decimal())
    mark = format_simulated_mark(trial.tasks[0])
    print_text(f"{count_things(len(trial.tasks), 'row')} cost {format_usd(spent)}{mark}", err=True)
    total = trial.estimate.total
    if total.expected is None or mark:
        return
    print_text(
        f"{trial.count.describe()} without such a value would cost about "
        f"{format_usd(total.expected)}, between {format_usd(total.low)} and "
        f"{format_usd(total.high)}",
        err=True,
    )


def _format_answer(sample: ColumnSample, task: Task) -> str:
    if task.status != TaskState.COMPLETED:
        return f"failed: {format_error(task.error)}"
    if is_embedding(sample):
        return "a vector"
    answer = read_answer(task)
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
