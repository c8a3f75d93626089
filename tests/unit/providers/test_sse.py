from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.sse import Decoder, ServerSentEvent

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
