"""The messages of the plugin pgoutput, protocol version 1.

https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, Literal, TypeAlias

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_KEY_FLAG: Final = 1


class Unchanged(Enum):
    """A large value that an UPDATE did not change; Postgres does not send it."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED

ReplicatedValue: TypeAlias = str | Literal[Unchanged.UNCHANGED] | None
"""In the text format of its type."""

ReplicatedRow: TypeAlias = tuple[ReplicatedValue, ...]
"""In the order of the table's columns."""


class MalformedReplicationMessage(ValueError):
    """Not a message of protocol version 1."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The begin of a transaction, with its commit time."""

    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """The end of a transaction."""


@dataclass(frozen=True, slots=True)
class ReplicatedColumn:
    """`type` is the oid of the column's type."""

    name: str
    type: int
    is_key: bool
    """Whether it belongs to the replica identity."""


@dataclass(frozen=True, slots=True)
class ReplicatedTable:
    """A table, sent before its first row and again after each change of its definition."""

    oid: int
    schema: str
    name: str
    columns: tuple[ReplicatedColumn, ...]


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row of the table with this oid."""

    relation: int
    new: ReplicatedRow


@dataclass(frozen=True, slots=True)
class Update:
    """`old` is sent if the key changed, and complete with replica identity full."""

    relation: int
    old: ReplicatedRow | None
    new: ReplicatedRow


@dataclass(frozen=True, slots=True)
class Delete:
    """`old` has the key, or the whole row with replica identity full; otherwise nulls."""

    relation: int
    old: ReplicatedRow


@dataclass(frozen=True, slots=True)
class Truncate:
    """All rows of these tables were removed."""

    relations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class IgnoredMessage:
    """A type or the origin of a transaction, which is ignored."""


ReplicationMessage: TypeAlias = (
    Begin | Commit | ReplicatedTable | Insert | Update | Delete | Truncate | IgnoredMessage
)


def parse_message(data: bytes) -> ReplicationMessage:
    """Parse one message; raise `MalformedReplicationMessage`."""
    reader = _Reader(data)
    try:
        return _parse(reader)
    except (UnicodeDecodeError, IndexError, OverflowError) as error:
        raise MalformedReplicationMessage(f"cut off or damaged: {error}") from error


def _parse(reader: "_Reader") -> ReplicationMessage:
    match reader.letter():
        case "B":
            reader.number(8)
            return Begin(_EPOCH + timedelta(microseconds=reader.number(8)))
        case "C":
            return Commit()
        case "R":
            return reader.relation()
        case "I":
            relation = reader.number(4)
            reader.letter()
            return Insert(relation, reader.row())
        case "U":
            relation = reader.number(4)
            old = None
            if reader.letter() in "KO":
                old = reader.row()
                reader.letter()
            return Update(relation, old, reader.row())
        case "D":
            relation = reader.number(4)
            reader.letter()
            return Delete(relation, reader.row())
        case "T":
            count = reader.number(4)
            reader.number(1)
            return Truncate(tuple(reader.number(4) for _ in range(count)))
        case "Y" | "O":
            return IgnoredMessage()
        case letter:
            raise MalformedReplicationMessage(f"unknown kind {letter!r}")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if count < 0 or len(taken) < count:
            raise IndexError("the message ends too early")
        self._at += count
        return taken

    def letter(self) -> str:
        return self._take(1).decode()

    def number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big")

    def string(self) -> str:
        end = self._data.find(b"\0", self._at)
        text = self._take(end - self._at).decode()
        self._at = end + 1
        return text

    def relation(self) -> ReplicatedTable:
        oid, schema, name = self.number(4), self.string(), self.string()
        self.number(1)  # which replica identity
        columns = tuple(self._column() for _ in range(self.number(2)))
        return ReplicatedTable(oid, schema or "pg_catalog", name, columns)

    def _column(self) -> ReplicatedColumn:
        flags, name, oid = self.number(1), self.string(), self.number(4)
        self.number(4)  # the type's modifier
        return ReplicatedColumn(name, oid, is_key=bool(flags & _KEY_FLAG))

    def row(self) -> ReplicatedRow:
        return tuple(self._value() for _ in range(self.number(2)))

    def _value(self) -> ReplicatedValue:
        match self.letter():
            case "n":
                return None
            case "u":
                return UNCHANGED
            case "t":
                return self._take(self.number(4)).decode()
            case letter:
                raise MalformedReplicationMessage(f"unknown format {letter!r}")
