"""The payloads of changes, as text."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from embedded.realtime.changes.tables import ChangedTable, ReadAccess
from embedded.realtime.changes.transactions import ChangeKind, RowChange
from embedded.realtime.wire.json import Json, encode_compact_json

_LARGEST_BYTES: Final = 1024 * 1024
_SMALL_BYTES: Final = 64
"""Values up to this size are sent of a row that is too large."""

_IsIncluded: TypeAlias = Callable[[str, str], bool]

UNAUTHORIZED: Final = "Error 401: Unauthorized"
NO_PRIMARY_KEY: Final = "Error 400: Bad Request, no primary key"
_TOO_LARGE: Final = "Error 413: Payload Too Large"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedChange:
    """A change with its values as JSON, by column."""

    change: RowChange
    new: Mapping[str, str]
    old: Mapping[str, str]


def find_read_error(change: RowChange, table: ChangedTable, access: ReadAccess) -> str | None:
    """Return the error instead of the row for a role, or None; a DELETE is always allowed."""
    if change.kind is ChangeKind.DELETE:
        return None
    if not table.keys:
        return NO_PRIMARY_KEY
    return None if table.keys <= access.columns else UNAUTHORIZED


def build_payload(data: str, ids: Iterable[int]) -> str:
    """Return the payload of the frame."""
    return f'{{"data":{data},"ids":[{",".join(map(str, ids))}]}}'


def render_error(change: RowChange, message: str) -> str:
    """Return `data` with an error and without values of the row."""
    return encode_compact_json(
        {
            "table": change.relation.name,
            "type": change.kind.value,
            "record": {},
            "columns": [],
            "errors": [message],
            "schema": change.relation.schema,
            "commit_timestamp": None,
        }
    )


def render_change(
    rendered: RenderedChange,
    table: ChangedTable,
    access: ReadAccess,
    select: tuple[str, ...] | None,
) -> str:
    """Return `data` with the selected columns that the role may read."""
    change = rendered.change
    is_large = (
        sum(map(len, rendered.new.values())) + sum(map(len, rendered.old.values())) > _LARGEST_BYTES
    )

    def is_included(name: str, value: str) -> bool:
        return (
            name in access.columns
            and (select is None or name in select)
            and (not is_large or len(value) <= _SMALL_BYTES)
        )

    columns: list[Json] = [
        {"name": column.name, "type": table.types[column.type].name}
        for column in change.relation.columns
        if column.name in access.columns and (select is None or column.name in select)
    ]
    parts = [
        f'"table":{encode_compact_json(change.relation.name)}',
        f'"type":"{change.kind.value}"',
    ]
    if change.kind is not ChangeKind.DELETE:
        parts.append(f'"record":{_render_record(rendered.new, is_included)}')
    parts += [
        f'"columns":{encode_compact_json(columns)}',
        f'"errors":{encode_compact_json([_TOO_LARGE] if is_large else None)}',
        f'"schema":{encode_compact_json(change.relation.schema)}',
        f'"commit_timestamp":"{_format_commit_time(change)}"',
    ]
    if change.kind is not ChangeKind.INSERT:
        # Policies cannot be evaluated for a deleted row: with policies only its key is sent.
        old = {
            name: value
            for name, value in rendered.old.items()
            if not table.has_policies or name in table.keys
        }
        parts.append(f'"old_record":{_render_record(old, is_included)}')
    return f"{{{','.join(parts)}}}"


def _render_record(values: Mapping[str, str], is_included: _IsIncluded) -> str:
    rendered = (
        f"{encode_compact_json(name)}:{value}"
        for name, value in values.items()
        if is_included(name, value)
    )
    return f"{{{','.join(rendered)}}}"


def _format_commit_time(change: RowChange) -> str:
    return change.committed_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
