"""What a client is told of a change, as the text of a payload. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from embedded.realtime.changes.tables import Reader, Table
from embedded.realtime.changes.transactions import Change, Kind
from embedded.realtime.wire.json import Json, compact

_LARGEST_BYTES: Final = 1024 * 1024
_SMALL_BYTES: Final = 64
"""What is told of a row that is too large."""

_IsTold: TypeAlias = Callable[[str, str], bool]

UNAUTHORIZED: Final = "Error 401: Unauthorized"
NO_PRIMARY_KEY: Final = "Error 400: Bad Request, no primary key"
_TOO_LARGE: Final = "Error 413: Payload Too Large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A change with its values as JSON, by column."""

    change: Change
    new: Mapping[str, str]
    old: Mapping[str, str]


def fault(change: Change, table: Table, reader: Reader) -> str | None:
    """Why the row may not be told to this reader at all; a DELETE always may."""
    if change.kind is Kind.DELETE:
        return None
    if not table.keys:
        return NO_PRIMARY_KEY
    return None if table.keys <= reader.columns else UNAUTHORIZED


def payload(data: str, ids: Iterable[int]) -> str:
    """Give the payload of the frame."""
    return f'{{"data":{data},"ids":[{",".join(map(str, ids))}]}}'


def tell_fault(change: Change, message: str) -> str:
    """Give `data` without any value of the row."""
    return compact(
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


def tell(told: Told, table: Table, reader: Reader, select: tuple[str, ...] | None) -> str:
    """Give `data` with the columns that the reader may see and has selected."""
    change = told.change
    is_large = sum(map(len, told.new.values())) + sum(map(len, told.old.values())) > _LARGEST_BYTES

    def is_told(name: str, value: str) -> bool:
        return (
            name in reader.columns
            and (select is None or name in select)
            and (not is_large or len(value) <= _SMALL_BYTES)
        )

    columns: list[Json] = [
        {"name": column.name, "type": table.types[column.type].name}
        for column in change.relation.columns
        if column.name in reader.columns and (select is None or column.name in select)
    ]
    parts = [f'"table":{compact(change.relation.name)}', f'"type":"{change.kind.value}"']
    if change.kind is not Kind.DELETE:
        parts.append(f'"record":{_record(told.new, is_told)}')
    parts += [
        f'"columns":{compact(columns)}',
        f'"errors":{compact([_TOO_LARGE] if is_large else None)}',
        f'"schema":{compact(change.relation.schema)}',
        f'"commit_timestamp":"{_milliseconds(change)}"',
    ]
    if change.kind is not Kind.INSERT:
        # Nobody can say who might see a row that is gone: with policies only its key is told.
        old = {
            name: value
            for name, value in told.old.items()
            if not table.has_policies or name in table.keys
        }
        parts.append(f'"old_record":{_record(old, is_told)}')
    return f"{{{','.join(parts)}}}"


def _record(values: Mapping[str, str], is_told: _IsTold) -> str:
    told = (f"{compact(name)}:{value}" for name, value in values.items() if is_told(name, value))
    return f"{{{','.join(told)}}}"


def _milliseconds(change: Change) -> str:
    return change.committed_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
