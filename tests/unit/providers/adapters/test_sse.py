from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.adapters.http.sse import LONGEST_EVENT, Decoder, EventTooLong, ServerSentEvent

BODY = (
    ": a comment\n\n"
    'event: delta\ndata: {"text": "h\u00e9llo \u2028 \U0001f600"}\n\n'
    "data: one\r\ndata: two\r\n\r\n"
    "data:tight\r\r"
    "id: 7\nretry: 10\n\n"
    "data: [DONE]\n\n"
).encode()
EVENTS = [
    ServerSentEvent("delta", '{"text": "h\u00e9llo \u2028 \U0001f600"}'.encode()),
    ServerSentEvent("", b"one\ntwo"),
    ServerSentEvent("", b"tight"),
    ServerSentEvent("", b"[DONE]"),
]


@settings(deadline=None)
@given(st.sets(st.integers(min_value=1, max_value=len(BODY) - 1)))
def test_events_do_not_depend_on_where_the_bytes_are_split(cuts: set[int]) -> None:
    decoder = Decoder()
    edges = [0, *sorted(cuts), len(BODY)]

    events = [event for start, end in pairwise(edges) for event in decoder.feed(BODY[start:end])]

    assert events == EVENTS


def test_an_event_without_its_blank_line_is_no_event() -> None:
    assert Decoder().feed(b"data: half") == []
    assert Decoder().feed(b"data: half\n") == []


@pytest.mark.parametrize("cut", range(4))
def test_a_byte_order_mark_costs_no_event(cut: int) -> None:
    body = b"\xef\xbb\xbfdata: first\n\ndata: second\n\n"
    decoder = Decoder()

    events = [*decoder.feed(body[:cut]), *decoder.feed(body[cut:])]

    assert [event.data for event in events] == [b"first", b"second"]


def test_every_byte_is_looked_at_once_however_a_line_is_split() -> None:
    class Counting(bytes):
        """Bytes that count how many are searched for line ends."""

        def split(self, *args: Any) -> list[bytes]:
            searched.append(len(self))
            return super().split(*args)

        def __radd__(self, other: bytes) -> "Counting":
            return Counting(bytes(other) + bytes(self))

    searched: list[int] = []
    decoder = Decoder()
    for _ in range(1000):
        decoder.feed(Counting(b"x" * 1000))

    assert sum(searched) == 1_000_000


def test_an_event_without_data_is_none_and_leaves_the_next_its_own_name() -> None:
    events = Decoder().feed(b"event: ping\n\ndata: one\n\nevent: two\ndata: two\n\n")

    assert events == [ServerSentEvent("", b"one"), ServerSentEvent("two", b"two")]


def test_an_event_may_be_exactly_as_long_as_the_longest() -> None:
    line = b"data: ".ljust(LONGEST_EVENT, b"x")

    assert len(Decoder().feed(line + b"\n\n")) == 1
    with pytest.raises(EventTooLong):
        Decoder().feed(line + b"x\n\n")


def test_comments_that_keep_a_connection_open_never_add_up() -> None:
    decoder = Decoder()

    for _ in range(3):
        assert decoder.feed(b":".ljust(LONGEST_EVENT // 2, b"x") + b"\n") == []
    assert [event.data for event in decoder.feed(b"data: here\n\n")] == [b"here"]


def test_an_event_that_never_ends_is_given_up() -> None:
    piece = b"x" * (LONGEST_EVENT // 4)
    for line in (b"", b"\ndata: y\n"):
        decoder = Decoder()
        decoder.feed(b"data: ")
        with pytest.raises(EventTooLong):
            for _ in range(5):
                decoder.feed(piece + line + b"data: ")

    decoder = Decoder()
    for _ in range(9):  # each is short enough
        assert len(decoder.feed(b"data: " + piece + b"\n\n")) == 1
