import contextlib
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.realtime.wire.frames import (
    Encoding,
    Frame,
    MalformedFrame,
    Push,
    UserBroadcast,
    Version,
    decode,
    encode,
)

REFS = st.none() | st.text(max_size=8) | st.integers()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip


@given(version=st.sampled_from(Version), data=st.text() | st.binary())
def test_any_bytes_decode_or_are_malformed(version: Version, data: str | bytes) -> None:
    with contextlib.suppress(MalformedFrame):
        decode(version, data)


@given(version=st.sampled_from(Version), value=VALUES)
def test_any_json_decodes_or_is_malformed(version: Version, value: object) -> None:
    with contextlib.suppress(MalformedFrame):
        decode(version, json.dumps(value))


@given(topic=st.text(), event=st.text(), payload=VALUES, ref=REFS, join_ref=REFS)
def test_both_serializers_decode_the_same(
    topic: str, event: str, payload: object, ref: str | int | None, join_ref: str | int | None
) -> None:
    named = {
        "topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref
    }  # fmt: skip
    in_order = [join_ref, ref, topic, event, payload]

    first = decode(Version.V1, json.dumps(named))
    second = decode(Version.V2, json.dumps(in_order))

    assert (first.topic, first.event, first.payload) == (topic, event, payload)
    assert (first.ref, first.join_ref) == (ref, join_ref)
    assert (second.topic, second.event, second.payload) == (topic, event, payload)
    assert (second.ref, second.join_ref) == (ref, join_ref)


def test_a_frame_always_has_its_ref() -> None:
    frame = Frame(topic="t", event="e", payload={}, join_ref="j")

    assert encode(Version.V1, frame) == '{"ref":null,"event":"e","payload":{},"topic":"t"}'
    assert encode(Version.V2, frame) == '["j",null,"t","e",{}]'


def test_a_binary_push_is_decoded_by_the_sizes_in_its_header() -> None:
    data = (
        struct.pack("7B", 3, 1, 2, 5, 3, 2, 1) + b"j" + b"r2" + b"topic" + b"evt" + b"{}" + b"[1]"
    )

    assert decode(Version.V2, data) == Push(
        topic="topic",
        event="broadcast",
        payload=UserBroadcast(event="evt", payload=b"[1]", encoding=Encoding.JSON),
        ref="r2",
        join_ref="j",
        size=len(data),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x03\x00\x00",
        b"\x03\x00\x00\x05\x00\x00\x00tiny",
        b"\x04\x00\x00\x00\x00\x00\x00",
        b"\x03\x00\x00\x00\x00\x00\x02",
        b"\x03\x00\x00\x01\x00\x00\x00\xff",
        b"\x03\x00\x00\x00\x00\x00\x01not json",
    ],
)
def test_an_inconsistent_binary_push_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedFrame):
        decode(Version.V2, data)


def test_serializer_1_has_no_binary_frames() -> None:
    with pytest.raises(MalformedFrame):
        decode(Version.V1, b"\x03\x00\x00\x00\x00\x00\x00")
