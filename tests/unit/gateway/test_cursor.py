"""Cursors survive being written; nonsense is the beginning."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.streams.cursor import Cursor
from protocol.transcript import ReadPosition

COUNTS = st.integers(0, 10**9)


@given(
    COUNTS,
    COUNTS,
    st.booleans(),
    st.dictionaries(st.uuids(), st.builds(ReadPosition, COUNTS, COUNTS, COUNTS), max_size=5),
)
def test_a_written_cursor_is_read_again(
    seq: int, choices: int, has_ended: bool, heard: dict[object, ReadPosition]
) -> None:
    cursor = Cursor(seq, choices, has_ended, heard)  # type: ignore[arg-type]  # the keys are UUIDs

    assert Cursor.parse(str(cursor)) == cursor


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    Cursor.parse(text)


@pytest.mark.parametrize(
    "text", [None, "", "x", "1.2;zz", "-1", "1;a:b:c", f"1;{UUID(int=1).hex}:1:1"]
)
def test_nonsense_is_the_beginning(text: str | None) -> None:
    assert Cursor.parse(text) == Cursor()


def test_the_bare_number_of_an_event_is_a_place() -> None:
    assert Cursor.parse("17").seq == 17
