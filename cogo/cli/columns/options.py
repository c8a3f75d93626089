"""Options of the commands for AI columns, and how a column is found by its names."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Final

import typer

from agents.selection.preferences import Preference
from cogo.cli.columns.statement import UNLIMITED, ColumnSettings, unquote_table
from cogo.cli.request_options import read_schema
from cogo.cli.task_options import build_preferences, parse_budget, parse_object
from protocol.errors import InvalidArgument, NotFound
from protocol.records.columns import ColumnRow
from protocol.records.models import PolicyName

NO_CAP: Final = "none"
CHOSEN: Final = "auto"
"""In place of a model's name: the CIO chooses."""

Table = Annotated[
    str, typer.Argument(metavar="TABLE", help="Table with its schema, as in public.tickets.")
]
Column = Annotated[str, typer.Argument(metavar="COLUMN", help="Name of the column.")]
ColumnIfMany = Annotated[
    str | None,
    typer.Argument(metavar="[COLUMN]", help="Name of the column, if the table has several."),
]
Prompt = Annotated[
    str | None,
    typer.Option(
        "--prompt",
        help="What to ask for each row: {name} is a column of it, {{ and }} are braces; - reads "
        "standard input.",
    ),
]
PerDay = Annotated[
    str | None,
    typer.Option("--max-usd-per-day", help="Cap in US dollars a day (UTC), or none."),
]
PerRow = Annotated[
    str | None, typer.Option("--max-usd-per-row", help="Cap in US dollars for one row, or none.")
]
Ever = Annotated[str | None, typer.Option("--max-usd", help="Cap in US dollars for ever, or none.")]
ColumnModel = Annotated[
    str | None,
    typer.Option("--model", help="Name, alias or role of a model; auto: chosen for each row."),
]
ColumnPrefer = Annotated[Preference | None, typer.Option("--prefer", help="What matters most.")]
ColumnSchema = Annotated[
    str | None,
    typer.Option(
        "--schema", metavar="FILE|JSON", help="JSON Schema of the values of a jsonb column."
    ),
]
OwnerColumn = Annotated[
    str | None,
    typer.Option("--owner-column", help="Column with the user (UUID) to whom a row belongs."),
]
Sources = Annotated[
    list[str] | None,
    typer.Option("--source", help="Another column that the model is shown; repeatable."),
]
Overwrite = Annotated[
    bool | None,
    typer.Option("--overwrite/--no-overwrite", help="Whether values of persons are overwritten."),
]
OpenTasks = Annotated[
    int | None,
    typer.Option("--open-tasks", min=1, max=10_000, help="Most tasks at a time (default: 100)."),
]
ColumnProject = Annotated[
    str | None,
    typer.Option("--project", help='Project of its tasks, whose caps hold for them; "": none.'),
]
Backfill = Annotated[
    bool, typer.Option("--backfill", help="Also fill the rows that are there, after a question.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before money is spent.")]
PrintSql = Annotated[
    bool, typer.Option("--sql", help="Print the statement, for a migration; change nothing.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be done and its cost; change nothing.")
]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Show the progress of a backfill to its end.")
]


def apply_options(
    base: ColumnSettings,
    *,
    prompt: str | None = None,
    per_day: str | None = None,
    per_row: str | None = None,
    ever: str | None = None,
    model: str | None = None,
    prefer: Preference | None = None,
    policy: PolicyName | None = None,
    data_policy: Sequence[str] | None = None,
    params: str | None = None,
    schema: str | None = None,
    owner_column: str | None = None,
    sources: Sequence[str] | None = None,
    overwrite: bool | None = None,
    open_tasks: int | None = None,
    project: str | None = None,
) -> ColumnSettings:
    """Return the settings with what the options say. Raises CommandError."""
    given: dict[str, Any] = {
        "prompt": sys.stdin.read() if prompt == "-" else prompt,
        "max_usd_per_day": parse_cap(per_day, option="--max-usd-per-day"),
        "max_usd_per_row": parse_cap(per_row, option="--max-usd-per-row"),
        "max_usd": parse_cap(ever, option="--max-usd"),
        "model": model,
        "preferences": (
            build_preferences(prefer or Preference.BALANCED, policy, data_policy)
            if prefer or policy or data_policy
            else None
        ),
        "params": parse_object(params) if params else None,
        "schema": None if schema is None else read_schema(schema),
        "owner_column": owner_column,
        "sources": tuple(sources) if sources else None,
        "overwrite": overwrite,
        "open_tasks": open_tasks,
        "project": project,
    }
    settings = replace(base, **{name: each for name, each in given.items() if each is not None})
    return replace(settings, model=None) if settings.model == CHOSEN else settings


def parse_cap(text: str | None, *, option: str) -> Decimal | None:
    """Return a cap; `none` removes it. Raises CommandError."""
    return UNLIMITED if text == NO_CAP else parse_budget(text, option=option)


def require_prompt(settings: ColumnSettings) -> None:
    """Raise InvalidArgument if there is no prompt."""
    if not settings.prompt.strip():
        raise InvalidArgument(
            "--prompt is missing", hint="example: --prompt 'Summarise in one sentence: {body}'"
        )


def find_columns(
    columns: Sequence[ColumnRow], table: str | None, column: str | None
) -> list[ColumnRow]:
    """Return the AI columns of these names, of which the schema `public` may be left out."""
    return [each for each in columns if table is None or _is_named(each, table, column)]


def choose_column(columns: Sequence[ColumnRow], table: str, column: str | None) -> ColumnRow:
    """Return the only AI column of these names. Raises NotFound, InvalidArgument."""
    found = find_columns(columns, table, column)
    if not found:
        name = table if column is None else f"{table}.{column}"
        there = ", ".join(unquote_table(each.name) for each in columns[:10]) or "none yet"
        raise NotFound(f"{name} is no AI column; there are: {there}")
    if len(found) > 1:
        names = ", ".join(each.column_name for each in found)
        raise InvalidArgument(f"{table} has several AI columns: {names}; name one of them")
    return found[0]


def _is_named(row: ColumnRow, table: str, column: str | None) -> bool:
    plain = unquote_table(row.table_name)
    tables = {row.table_name, plain, plain.removeprefix("public.")}
    if column is None:
        return table in tables | {f"{each}.{row.column_name}" for each in tables}
    return table in tables and column == row.column_name
