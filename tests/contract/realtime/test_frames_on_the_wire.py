"""The frames of the real server, with the order of their keys."""

from typing import Any

import pytest

from tests.contract.realtime.conftest import ONE_POSTGRES, Server
from tests.contract.realtime.wire import Wire, wire

pytestmark = ONE_POSTGRES

OK = {"status": "ok", "response": {}}


def a_join(**config: object) -> dict[str, object]:
    return {
        "topic": "realtime:room",
        "event": "phx_join",
        "payload": {"config": config},
        "ref": "2",
        "join_ref": "2",
    }


@pytest.mark.parametrize("vsn", ["1.0.0", None])
async def test_a_heartbeat_is_answered_with_its_ref(server: Server, vsn: str | None) -> None:
    async with wire(server.url, server.keys.publishable, vsn) as socket:
        for ref in ("1", None):
            await socket.push("phoenix", "heartbeat", {}, ref=ref)

            assert await socket.receive() == {
                "ref": ref,
                "event": "phx_reply",
                "payload": OK,
                "topic": "phoenix",
            }


async def test_a_join_is_answered_and_a_leave_closes_with_the_join_ref(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.send(a_join())
        assert await socket.receive() == {
            "ref": "2",
            "event": "phx_reply",
            "payload": {"status": "ok", "response": {"postgres_changes": []}},
            "topic": "realtime:room",
        }

        await socket.push("realtime:room", "phx_leave", {}, ref="7")

        assert (await socket.receive())["payload"] == OK
        assert await socket.receive() == {
            "ref": "2",
            "event": "phx_close",
            "payload": {},
            "topic": "realtime:room",
        }
        assert await socket.is_silent()


async def test_serializer_2_uses_arrays(server: Server) -> None:
    async with wire(server.url, server.keys.publishable, "2.0.0") as socket:
        await socket.send([None, "2", "phoenix", "heartbeat", {}])
        assert await socket.receive() == [None, "2", "phoenix", "phx_reply", OK]

        await socket.send(["1", "1", "realtime:room", "phx_join", {"config": {}}])
        reply = {"status": "ok", "response": {"postgres_changes": []}}
        assert await socket.receive() == ["1", "1", "realtime:room", "phx_reply", reply]

        await socket.send(["1", "3", "realtime:room", "phx_leave", {}])
        assert await socket.receive() == ["1", "3", "realtime:room", "phx_reply", OK]
        assert await socket.receive() == ["1", "1", "realtime:room", "phx_close", {}]


async def test_the_second_join_of_a_topic_closes_the_first(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room", ref="1")

        await socket.join("room", ref="5")

        assert await socket.receive() == {
            "ref": "1",
            "event": "phx_close",
            "payload": {},
            "topic": "realtime:room",
        }
        await socket.push("realtime:room", "broadcast", {"event": "x"})
        assert await socket.is_silent()


async def test_a_push_to_an_unjoined_topic_gets_an_error(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        for topic, event in (
            ("realtime:nowhere", "broadcast"),
            ("elsewhere", "phx_join"),
            ("phoenix", "other"),
        ):
            await socket.push(topic, event, {})

            assert (await socket.receive())["payload"] == {
                "status": "error",
                "response": {"reason": "unmatched topic"},
            }

        await socket.push("realtime:nowhere", "phx_leave", {})
        assert (await socket.receive())["payload"] == OK
        assert await socket.is_silent()


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "[]",
        "{}",
        '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":{}}',
        '{"topic":"phoenix","event":7,"payload":{},"ref":"1"}',
        "[" * 100_000,
        '{"topic":"phoenix","event":"heartbeat","payload":NaN,"ref":"1"}',
        '{"topic":"phoenix","event":"heartbeat","payload":1e999,"ref":"1"}',
        '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"\\ud800"}',
        b"\x03\x00\x00\x00\x00\x00\x01{}",
    ],
)
async def test_a_malformed_frame_is_ignored(server: Server, frame: str | bytes) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.send(frame)

        assert await socket.is_silent()


async def test_an_unknown_event_gets_no_reply(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room")

        await socket.push("realtime:room", "nonsense", {})

        assert await socket.is_silent()


async def test_invalid_fields_of_a_join_have_defaults_and_strings_count_as_booleans(
    server: Server,
) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        config: dict[str, Any] = {
            "broadcast": {"self": "TRUE", "ack": 7},
            "presence": None,
            "private": "false",
            "unknown": {},
        }
        assert (await socket.join("room", **config))["status"] == "ok"
        assert (await socket.join("other", ref="2", broadcast=None))["status"] == "ok"

        await socket.push("realtime:room", "broadcast", {"event": "x"})

        assert (await socket.receive())["event"] == "broadcast"
        assert await socket.is_silent()


async def test_bindings_of_changes_are_echoed_with_equal_ids(server: Server) -> None:
    binding = {"schema": "public", "event": "INSERT", "table": "items", "filter": "n=gt.5"}

    async def join(socket: Wire) -> int:
        reply = await socket.join("db", postgres_changes=[binding])
        [echo] = reply["response"]["postgres_changes"]
        assert echo == {"id": echo["id"], **binding}
        return int(echo["id"])

    async with (
        wire(server.url, server.keys.publishable) as one,
        wire(server.url, server.keys.publishable) as other,
    ):
        assert await join(one) == await join(other) != 0


async def test_the_topic_of_a_join_without_a_config_names_a_table(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.push("realtime:public:items", "phx_join", {}, ref="1")

        reply = await socket.receive()

        [echo] = reply["payload"]["response"]["postgres_changes"]
        assert echo == {"id": echo["id"], "schema": "public", "table": "items"}


async def test_a_topic_needs_a_name(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        assert await socket.join("") == {
            "status": "error",
            "response": {"reason": "TopicNameRequired: You must provide a topic name"},
        }


async def test_replication_is_ready_when_asked_for(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room", broadcast={"replication_ready": True})

        assert (await socket.receive())["payload"] == {
            "message": "Replication connection established",
            "status": "ok",
            "extension": "system",
            "channel": "room",
        }
