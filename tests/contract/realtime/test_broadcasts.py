import json
from typing import Any

import pytest

from embedded.realtime.limits import RealtimeLimits
from tests.contract.realtime.conftest import ONE_POSTGRES, Server
from tests.contract.realtime.wire import Wire, wire

pytestmark = ONE_POSTGRES

HELLO = {"type": "broadcast", "event": "hi", "payload": {"n": 1}}
HEARD = {
    "ref": None,
    "event": "broadcast",
    "payload": {"event": "hi", "payload": {"n": 1}, "type": "broadcast"},
    "topic": "realtime:room",
}


def binary_push(topic: str, event: str, payload: bytes, *, encoding: int, ref: str = "3") -> bytes:
    names = [part.encode() for part in ("1", ref, topic, event, "")]
    return bytes([3, *map(len, names), encoding]) + b"".join(names) + payload


async def join_2(socket: Wire, topic: str, **broadcast: Any) -> None:
    config = {"config": {"broadcast": broadcast}}
    await socket.send(["1", "1", f"realtime:{topic}", "phx_join", config])
    assert (await socket.receive())[3] == "phx_reply"


async def test_a_broadcast_reaches_others_but_not_its_sender(server: Server) -> None:
    async with (
        wire(server.url, server.keys.publishable) as sender,
        wire(server.url, server.keys.publishable) as hearer,
        wire(server.url, server.keys.publishable) as stranger,
    ):
        await sender.join("room")
        await hearer.join("room")
        await stranger.join("room2")

        await sender.push("realtime:room", "broadcast", HELLO)

        assert await hearer.receive() == HEARD
        assert await sender.is_silent()
        assert await stranger.is_silent()


async def test_with_self_and_ack_the_echo_comes_before_the_reply(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room", broadcast={"self": True, "ack": True})

        await socket.push("realtime:room", "broadcast", HELLO, ref="4")

        assert await socket.receive() == HEARD
        reply = await socket.receive()
        assert (reply["ref"], reply["payload"]) == ("4", {"status": "ok", "response": {}})


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [1],
        "text",
        {"event": "e", "payload": [None], "extra": {"ü": "\u2028\u0000\U0001f600"}},
    ],
)
async def test_any_json_is_relayed_unchanged(server: Server, payload: Any) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room", broadcast={"self": True})

        await socket.push("realtime:room", "broadcast", payload)

        assert (await socket.receive())["payload"] == payload


async def test_binary_pushes_reach_both_serializers(server: Server) -> None:
    async with (
        wire(server.url, server.keys.publishable, "2.0.0") as sender,
        wire(server.url, server.keys.publishable, "2.0.0") as second,
        wire(server.url, server.keys.publishable, "1.0.0") as first,
    ):
        await join_2(sender, "bc2", ack=True)
        await join_2(second, "bc2")
        await first.join("bc2")

        await sender.send(binary_push("realtime:bc2", "bin-json", b'{"n":5}', encoding=1))
        await sender.send(binary_push("realtime:bc2", "raw", b"\x00\xff", encoding=0))

        for _ in range(2):
            ok = {"status": "ok", "response": {}}
            assert await sender.receive() == ["1", "3", "realtime:bc2", "phx_reply", ok]
        assert await second.receive_raw() == b'\x04\x0c\x08\x00\x01realtime:bc2bin-json{"n":5}'
        assert await second.receive_raw() == b"\x04\x0c\x03\x00\x00realtime:bc2raw\x00\xff"
        assert await first.receive() == {
            "ref": None,
            "event": "broadcast",
            "payload": {"event": "bin-json", "payload": {"n": 5}, "type": "broadcast"},
            "topic": "realtime:bc2",
        }
        assert await first.is_silent()


async def test_text_pushes_reach_serializer_2_as_text(server: Server) -> None:
    async with (
        wire(server.url, server.keys.publishable, "2.0.0") as sender,
        wire(server.url, server.keys.publishable, "2.0.0") as hearer,
    ):
        await join_2(sender, "room")
        await join_2(hearer, "room")

        await sender.send(["1", "2", "realtime:room", "broadcast", HELLO])

        assert await hearer.receive() == [None, None, "realtime:room", "broadcast", HELLO]


@pytest.mark.parametrize("limits", [RealtimeLimits(payload_bytes=1000)])
async def test_large_messages_are_dropped_and_reported_only_with_ack(server: Server) -> None:
    large = HELLO | {"payload": "x" * 1000}
    async with (
        wire(server.url, server.keys.publishable) as sender,
        wire(server.url, server.keys.publishable) as hearer,
    ):
        await hearer.join("room")
        await sender.join("room")
        await sender.push("realtime:room", "broadcast", large)
        await sender.settle("room")

        await sender.join("other", ref="2", broadcast={"ack": True})
        await sender.push("realtime:other", "broadcast", large)

        answer = (await sender.receive())["payload"]
        assert answer == {"status": "error", "response": "payload_size_exceeded"}
        assert await hearer.is_silent()


async def test_public_and_private_topics_of_one_name_are_distinct(server: Server) -> None:
    async with (
        wire(server.url, server.keys.secret) as private,
        wire(server.url, server.keys.publishable) as public,
    ):
        assert (await private.join("room", private=True))["status"] == "ok"
        await public.join("room")

        await private.push("realtime:room", "broadcast", HELLO)
        await public.push("realtime:room", "broadcast", HELLO)

        await private.settle("room")
        await public.settle("room")
        assert await private.is_silent()
        assert await public.is_silent()


@pytest.mark.parametrize("limits", [RealtimeLimits(queued_frames=50, queued_bytes=100_000_000)])
async def test_a_client_that_does_not_read_is_disconnected_and_delays_nobody(
    server: Server,
) -> None:
    count = 400
    async with (
        wire(server.url, server.keys.publishable) as deaf,
        wire(server.url, server.keys.publishable) as hearer,
        wire(server.url, server.keys.publishable) as sender,
    ):
        await deaf.join("room")
        await hearer.join("room")
        await sender.join("room")
        deaf.connection.transport.pause_reading()

        heard: list[int] = []
        for number in range(count):
            body = {"event": "hi", "payload": {"n": number, "bulk": "x" * 50_000}}
            await sender.push("realtime:room", "broadcast", body)
            heard.append((await hearer.receive())["payload"]["payload"]["n"])

        assert heard == list(range(count))
        deaf.connection.transport.resume_reading()
        assert await deaf.closed_with() in (1013, 1006)


async def test_a_flood_arrives_completely_and_in_order(server: Server) -> None:
    count = 2000
    async with (
        wire(server.url, server.keys.publishable) as sender,
        wire(server.url, server.keys.publishable) as hearer,
    ):
        await sender.join("room")
        await hearer.join("room")

        for number in range(count):
            await sender.push("realtime:room", "broadcast", {"event": "n", "payload": number})

        heard = [(await hearer.receive())["payload"]["payload"] for _ in range(count)]
        assert heard == list(range(count))


async def test_the_hundred_and_first_channel_of_a_socket_is_refused(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        for number in range(100):
            await socket.join(f"room-{number}", ref=str(number))

        answer = await socket.join("one-too-many", ref="x")

        reason = "ChannelRateLimitReached: Too many channels"
        assert answer == {"status": "error", "response": {"reason": reason}}


@pytest.mark.parametrize("limits", [RealtimeLimits(idle_seconds=0.3)])
async def test_an_idle_socket_is_closed(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        assert await socket.closed_with() == 1000


async def test_a_frame_over_five_million_bytes_closes_the_socket(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.send(json.dumps("x" * 5_000_000))

        assert await socket.closed_with() == 1009
