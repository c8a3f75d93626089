"""The statements that install and change AI columns, as a migration may hold them. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from protocol.errors import InvalidArgument
from protocol.records.columns import ColumnRow

UNLIMITED: Final = Decimal("Infinity")
"""Removes a cap."""
OPEN_TASKS: Final = 100
_BRACES: Final = re.compile(r"(\{\{|\}\}|\{([^{}]*)\})")
_PLAIN_NAME: Final = re.compile(r"[a-z_][a-z0-9_$]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSettings:
    """The arguments of `cogo.ai_column`."""

    table: str
    column: str
    prompt: str
    max_usd_per_day: Decimal | None = None
    max_usd_per_row: Decimal | None = None
    max_usd: Decimal | None = None
    """Of these: None leaves the cap, `UNLIMITED` removes it."""
    model: str | None = None
    preferences: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None
    owner_column: str | None = None
    sources: tuple[str, ...] = ()
    overwrite: bool = False
    open_tasks: int = OPEN_TASKS
    project: str | None = None


def read_settings(row: ColumnRow) -> ColumnSettings:
    """Return the settings of an installed column, whose caps stay as they are."""
    sources = row.named_sources or row.sources
    return ColumnSettings(
        table=row.table_name,
        column=row.column_name,
        prompt=row.prompt,
        model=row.model,
        preferences=row.preferences,
        params=row.params,
        schema=row.answer_schema if isinstance(row.answer_schema, dict) else None,
        owner_column=row.owner_column,
        sources=tuple(each for each in sources if each not in list_placeholders(row.prompt)),
        overwrite=row.overwrite,
        open_tasks=row.open_tasks or OPEN_TASKS,
        project=row.project,
    )


def is_new_version(before: ColumnSettings, after: ColumnSettings) -> bool:
    """Return whether values that were made by the settings before would be stale."""

    def list_facts(settings: ColumnSettings) -> list[object]:
        named = {*settings.sources, *list_placeholders(settings.prompt)}
        each = settings
        return [each.prompt, each.model, each.preferences, each.params, each.schema, named]

    return list_facts(before) != list_facts(after)


def list_placeholders(prompt: str) -> list[str]:
    """Return the columns that a prompt names."""
    return [name for _, name in _BRACES.findall(prompt) if name]


def build_install(settings: ColumnSettings, *, backfill: bool = False) -> str:
    """Return the statement that installs or changes a column."""
    more = {"backfill": "true"} if backfill else {}
    return f"select cogo.ai_column({_build_arguments(settings, more)});"


def build_preview(settings: ColumnSettings, *, rows: int) -> str:
    """Return the query of what would be submitted for some rows."""
    arguments = _build_arguments(settings, {"rows": str(rows)})
    return f"select * from cogo.preview_ai_column({arguments});"  # noqa: S608 - literals


def build_removal(table: str, column: str) -> str:
    """Return the statement that makes an AI column an ordinary one."""
    return f"select cogo.remove_ai_column({_name(table, column)});"


def build_reversal(table: str, column: str, version: int | None) -> str:
    """Return the statement that goes back to a version, by default the one before."""
    more = "" if version is None else f", {version}"
    return f"select cogo.revert_ai_column({_name(table, column)}{more});"


def quote_table(name: str) -> str:
    """Return a table's name as SQL reads it; a name with double quotes is SQL already."""
    if '"' in name:
        return name
    schema, dot, table = name.partition(".")
    return f"{_quote_name(schema)}{dot}{_quote_name(table) if dot else ''}"


def unquote_table(name: str) -> str:
    """Return a table's name as a person types it."""
    return re.sub(r'"((?:[^"]|"")*)"', lambda part: part[1].replace('""', '"'), name)


def quote_text(text: str) -> str:
    """Return a text as a literal of SQL, whatever `standard_conforming_strings` says."""
    if "\0" in text:
        raise InvalidArgument("a text holds a NUL character, which Postgres cannot store")
    quoted = text.replace("'", "''")
    return "E'{}'".format(quoted.replace("\\", "\\\\")) if "\\" in text else f"'{quoted}'"


def _build_arguments(settings: ColumnSettings, more: Mapping[str, str]) -> str:
    given = {
        "prompt": quote_text(settings.prompt),
        "max_usd_per_day": _write_usd(settings.max_usd_per_day),
        "max_usd_per_row": _write_usd(settings.max_usd_per_row),
        "max_usd": _write_usd(settings.max_usd),
        "model": None if settings.model is None else quote_text(settings.model),
        "preferences": _write_json(settings.preferences),
        "params": _write_json(settings.params),
        "schema": _write_json(settings.schema),
        "owner_column": (
            None if settings.owner_column is None else quote_text(settings.owner_column)
        ),
        "sources": (
            f"array[{', '.join(map(quote_text, settings.sources))}]" if settings.sources else None
        ),
        "overwrite": "true" if settings.overwrite else None,
        "open_tasks": None if settings.open_tasks == OPEN_TASKS else str(settings.open_tasks),
        "project": quote_text(settings.project) if settings.project else None,
        **more,
    }
    named = [f"{name} => {value}" for name, value in given.items() if value is not None]
    lines = ",\n  ".join([_name(settings.table, settings.column), *named])
    return f"\n  {lines}\n"


def _name(table: str, column: str) -> str:
    return f"{quote_text(quote_table(table))}, {quote_text(column)}"


def _quote_name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else '"{}"'.format(name.replace('"', '""'))


def _write_usd(usd: Decimal | None) -> str | None:
    if usd is None:
        return None
    return "'Infinity'" if usd == UNLIMITED else f"{usd:f}"


def _write_json(value: Mapping[str, Any] | None) -> str | None:
    return quote_text(json.dumps(value, ensure_ascii=False)) if value else None
