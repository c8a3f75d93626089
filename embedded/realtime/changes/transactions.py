"""Decoding of replication messages to changed rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from embedded.realtime.changes.pgoutput import (
    Begin,
    Delete,
    Insert,
    ReplicatedRow,
    ReplicatedTable,
    ReplicationMessage,
    Unchanged,
    Update,
)


class ChangeKind(StrEnum):
    """Kinds of changes."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """One changed row; values by column, in the text format of their types."""

    kind: ChangeKind
    relation: ReplicatedTable
    committed_at: datetime
    new: dict[str, str | None]
    """Empty for a DELETE; without large values that did not change."""
    old: dict[str, str | None]
    """Empty for an INSERT; otherwise the replica identity: primary key or whole row."""


class TransactionDecoder:
    """Decodes messages; it stores the tables, which are described only once."""

    def __init__(self) -> None:
        self._relations: dict[int, ReplicatedTable] = {}
        self._committed_at = datetime.min.replace(tzinfo=UTC)

    def decode(self, messages: Iterable[ReplicationMessage]) -> Iterator[RowChange]:
        """Yield the changed rows in the order of the messages."""
        for message in messages:
            match message:
                case Begin(committed_at):
                    self._committed_at = committed_at
                case ReplicatedTable():
                    self._relations[message.oid] = message
                case Insert(oid, new):
                    yield self._build_change(ChangeKind.INSERT, oid, None, new)
                case Update(oid, old, new):
                    yield self._build_change(ChangeKind.UPDATE, oid, old, new)
                case Delete(oid, old):
                    yield self._build_change(ChangeKind.DELETE, oid, old, None)
                case _:
                    pass  # a TRUNCATE is not sent to clients

    def _build_change(
        self, kind: ChangeKind, oid: int, old: ReplicatedRow | None, new: ReplicatedRow | None
    ) -> RowChange:
        relation = self._relations[oid]
        before = _select_known(relation, old, keys_only=True)
        after = _select_known(relation, new)
        if kind is ChangeKind.UPDATE:
            # Without an old row the key is unchanged; a whole old row has the large values.
            keys = (column.name for column in relation.columns if column.is_key)
            before = before or {name: after[name] for name in keys if name in after}
            after = before | after
        return RowChange(
            kind=kind,
            relation=relation,
            committed_at=self._committed_at,
            new=after,
            old=before,
        )


def _select_known(
    relation: ReplicatedTable, row: ReplicatedRow | None, *, keys_only: bool = False
) -> dict[str, str | None]:
    return {
        column.name: value
        for column, value in zip(relation.columns, row or (), strict=False)
        if not isinstance(value, Unchanged) and (column.is_key or not keys_only)
    }
