"""From the plugin's messages to the rows that changed. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from embedded.realtime.changes.pgoutput import (
    Begin,
    Delete,
    Insert,
    Message,
    Relation,
    Row,
    Unchanged,
    Update,
)


class Kind(StrEnum):
    """What happened to a row."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row that changed; values in the text format of their types, by column."""

    kind: Kind
    relation: Relation
    committed_at: datetime
    new: dict[str, str | None]
    """Empty for a DELETE; without large values that nobody touched."""
    old: dict[str, str | None]
    """Empty for an INSERT; the replica identity: the primary key, or the whole row."""


class Transactions:
    """Remembers the relations, which are described once for all later messages."""

    def __init__(self) -> None:
        self._relations: dict[int, Relation] = {}
        self._committed_at = datetime.min.replace(tzinfo=UTC)

    def changes(self, messages: Iterable[Message]) -> Iterator[Change]:
        """Give the changed rows, in the order of the messages."""
        for message in messages:
            match message:
                case Begin(committed_at):
                    self._committed_at = committed_at
                case Relation():
                    self._relations[message.oid] = message
                case Insert(oid, new):
                    yield self._change(Kind.INSERT, oid, None, new)
                case Update(oid, old, new):
                    yield self._change(Kind.UPDATE, oid, old, new)
                case Delete(oid, old):
                    yield self._change(Kind.DELETE, oid, old, None)
                case _:
                    pass  # clients are not told of a TRUNCATE

    def _change(self, kind: Kind, oid: int, old: Row | None, new: Row | None) -> Change:
        relation = self._relations[oid]
        before = _known(relation, old, keys_only=True)
        after = _known(relation, new)
        if kind is Kind.UPDATE:
            # Without an old row the key is what it was; with a whole one it knows what is large.
            keys = (column.name for column in relation.columns if column.is_key)
            before = before or {name: after[name] for name in keys if name in after}
            after = before | after
        return Change(
            kind=kind,
            relation=relation,
            committed_at=self._committed_at,
            new=after,
            old=before,
        )


def _known(
    relation: Relation, row: Row | None, *, keys_only: bool = False
) -> dict[str, str | None]:
    return {
        column.name: value
        for column, value in zip(relation.columns, row or (), strict=False)
        if not isinstance(value, Unchanged) and (column.is_key or not keys_only)
    }
