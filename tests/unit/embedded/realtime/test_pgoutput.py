import contextlib
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.realtime.changes.pgoutput import (
    UNCHANGED,
    Begin,
    Commit,
    Delete,
    IgnoredMessage,
    Insert,
    MalformedReplicationMessage,
    ReplicatedColumn,
    ReplicatedTable,
    Truncate,
    Update,
    parse_message,
)
from embedded.realtime.changes.transactions import ChangeKind, TransactionDecoder

OID = struct.pack(">I", 16_384)
NULL = b"n"
LARGE = b"u"
RELATION = (
    b"R" + OID + b"public\0items\0d\0\x02"
    b"\x01id\0" + struct.pack(">Ii", 23, -1) + b"\x00name\0" + struct.pack(">Ii", 25, -1)
)


def text(value: str) -> bytes:
    return b"t" + struct.pack(">I", len(value.encode())) + value.encode()


def row(*values: bytes) -> bytes:
    return struct.pack(">H", len(values)) + b"".join(values)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"B" + struct.pack(">QQI", 1, 1_000_000, 7),
            Begin(datetime(2000, 1, 1, 0, 0, 1, tzinfo=UTC)),
        ),
        (b"C" + bytes(25), Commit()),
        (
            RELATION,
            ReplicatedTable(
                16_384,
                "public",
                "items",
                (
                    ReplicatedColumn("id", 23, is_key=True),
                    ReplicatedColumn("name", 25, is_key=False),
                ),
            ),
        ),
        (b"I" + OID + b"N" + row(text("1"), NULL), Insert(16_384, ("1", None))),
        (b"U" + OID + b"N" + row(text("1"), LARGE), Update(16_384, None, ("1", UNCHANGED))),
        (
            b"U" + OID + b"K" + row(text("1"), NULL) + b"N" + row(text("2"), text("é")),
            Update(16_384, ("1", None), ("2", "é")),
        ),
        (
            b"U" + OID + b"O" + row(text("1"), text("a")) + b"N" + row(text("1"), text("b")),
            Update(16_384, ("1", "a"), ("1", "b")),
        ),
        (b"D" + OID + b"K" + row(text("1"), NULL), Delete(16_384, ("1", None))),
        (b"T" + struct.pack(">IBII", 2, 0, 5, 6), Truncate((5, 6))),
        (b"Y" + OID + b"public\0mood\0", IgnoredMessage()),
    ],
)
def test_each_message_is_parsed_as_documented(data: bytes, message: object) -> None:
    assert parse_message(data) == message


@given(
    data=st.binary(max_size=60)
    | st.integers(0, len(RELATION) - 1).map(lambda size: RELATION[:size])
    | st.tuples(st.sampled_from([b"I", b"U", b"D", b"T", b"B", b"R"]), st.binary()).map(b"".join)
)
def test_any_bytes_are_parsed_or_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedReplicationMessage):
        parse_message(data)


def test_an_update_without_an_old_row_has_an_unchanged_key() -> None:
    data = [RELATION, b"U" + OID + b"N" + row(text("1"), LARGE)]

    [change] = TransactionDecoder().decode(map(parse_message, data))

    assert (change.kind, change.old, change.new) == (ChangeKind.UPDATE, {"id": "1"}, {"id": "1"})


def test_columns_outside_the_key_of_an_old_row_are_unknown_not_null() -> None:
    data = [RELATION, b"D" + OID + b"K" + row(text("1"), NULL)]

    [change] = TransactionDecoder().decode(map(parse_message, data))

    assert (change.old, change.new) == ({"id": "1"}, {})


def test_an_unchanged_large_value_is_taken_from_the_whole_old_row() -> None:
    whole = RELATION.replace(b"\x00name", b"\x01name")
    old, new = row(text("1"), text("long")), row(text("2"), LARGE)

    [change] = TransactionDecoder().decode(
        map(parse_message, [whole, b"U" + OID + b"O" + old + b"N" + new])
    )

    assert change.new == {"id": "2", "name": "long"}


def test_a_truncate_is_no_change() -> None:
    assert not list(TransactionDecoder().decode([Truncate((1,)), Commit()]))
