"""Lines of JSON are the same however they are cut into chunks."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapters.http import json_lines
from providers.adapters.http.json_lines import LineDecoder
from providers.adapters.http.sse import EventTooLong

TEXT = '{"a": "Zürich"}\n\n \n{"b": "\u2028"}\r\n{"c": 3}'.encode()


def read(chunks: list[bytes]) -> list[bytes]:
    decoder = LineDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [event.data for event in [*events, *decoder.flush()]]


@given(st.lists(st.integers(0, len(TEXT)), max_size=8))
def test_chunks_of_any_size_give_the_same_lines(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(TEXT)]
    chunks = [TEXT[start:end] for start, end in pairwise(places)]

    assert read(chunks) == ['{"a": "Zürich"}'.encode(), '{"b": "\u2028"}'.encode(), b'{"c": 3}']


def test_a_line_takes_only_so_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "LONGEST_EVENT", 10)

    assert read([b"123456789\n", b"123456789\n"]) == [b"123456789", b"123456789"]
    with pytest.raises(EventTooLong):
        read([b"123456", b"78901"])
