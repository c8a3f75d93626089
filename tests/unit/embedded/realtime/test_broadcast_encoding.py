import json

from embedded.realtime.broadcasts import PayloadBroadcast, RelayedBroadcast
from embedded.realtime.wire.frames import Encoding, Version


def test_names_too_long_for_a_binary_frame_are_sent_as_text() -> None:
    message = PayloadBroadcast(topic="t" * 250, event="e", payload=b'{"n": 1}', meta={"id": "x"})

    frame = message.encode(Version.V2)

    assert isinstance(frame, str)
    assert json.loads(frame)[4] == {
        "event": "e", "meta": {"id": "x"}, "payload": {"n": 1}, "type": "broadcast"
    }  # fmt: skip


def test_bytes_that_a_serializer_cannot_express_are_not_sent() -> None:
    message = PayloadBroadcast(
        topic="t" * 250, event="e", payload=b"\xff", encoding=Encoding.BINARY
    )

    assert [message.encode(version) for version in Version] == [None, None]


def test_sizes_count_bytes_and_not_characters() -> None:
    frame = PayloadBroadcast(topic="ä", event="ö", payload=b"1").encode(Version.V2)

    assert frame == b"\x04\x0b\x02\x00\x01" + "realtime:äö1".encode()


def test_the_keys_of_a_relayed_payload_are_sorted_as_the_real_server_does() -> None:
    frame = RelayedBroadcast("t", {"type": "broadcast", "event": "e", "payload": {"b": 1, "a": 2}})

    assert frame.encode(Version.V1) == (
        '{"ref":null,"event":"broadcast","payload":'
        '{"event":"e","payload":{"b":1,"a":2},"type":"broadcast"},"topic":"realtime:t"}'
    )
