import uuid
from typing import Any

import pytest

from embedded.realtime.limits import RealtimeLimits
from tests.contract.realtime.conftest import ALICE, ONE_POSTGRES, Server
from tests.contract.realtime.wire import Wire, wire

pytestmark = ONE_POSTGRES

OK = {"status": "ok", "response": {}}


async def join(socket: Wire, key: str, *, topic: str = "pres", **config: Any) -> Any:
    """Join with presence and return the presence state."""
    await socket.join(topic, presence={"key": key, "enabled": True}, **config)
    state = await socket.receive()
    assert (state["event"], state["ref"]) == ("presence_state", None)
    return state["payload"]


async def call(socket: Wire, event: str, payload: Any = None, *, topic: str = "pres") -> Any:
    """Track or untrack and return the payload of the reply."""
    body = {"type": "presence", "event": event} | ({} if payload is None else {"payload": payload})
    await socket.push(f"realtime:{topic}", "presence", body)
    reply = await socket.receive()
    assert reply["event"] == "phx_reply"
    return reply["payload"]


async def a_diff(socket: Wire) -> Any:
    frame = await socket.receive()
    assert (frame["event"], frame["ref"]) == ("presence_diff", None)
    return frame["payload"]


async def test_joins_updates_and_leaves_reach_all_subscribers(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as watcher:
        assert await join(watcher, "w") == {}
        async with wire(server.url, server.keys.publishable) as alice:
            await join(alice, "alice")

            assert await call(alice, "track", {"mood": "ok"}) == OK
            first = (await a_diff(watcher))["joins"]["alice"]["metas"][0]
            assert first == {"phx_ref": first["phx_ref"], "mood": "ok"}
            assert (await a_diff(alice))["joins"] == {"alice": {"metas": [first]}}

            assert await call(alice, "track", {"mood": "busy"}) == OK
            changed = await a_diff(watcher)
            second = changed["joins"]["alice"]["metas"][0]
            assert second["phx_ref_prev"] == first["phx_ref"]
            assert changed["leaves"] == {"alice": {"metas": [first]}}

            async with wire(server.url, server.keys.publishable) as late:
                assert await join(late, "late") == {"alice": {"metas": [second]}}

        assert await a_diff(watcher) == {"joins": {}, "leaves": {"alice": {"metas": [second]}}}


async def test_tracking_the_same_again_sends_nothing_and_untracking_sends_a_leave(
    server: Server,
) -> None:
    async with wire(server.url, server.keys.publishable) as alice:
        await join(alice, "alice")
        await call(alice, "track", {"n": 1})
        meta = (await a_diff(alice))["joins"]["alice"]["metas"][0]

        assert await call(alice, "track", {"n": 1}) == OK
        assert await call(alice, "untrack") == OK

        assert await a_diff(alice) == {"joins": {}, "leaves": {"alice": {"metas": [meta]}}}
        assert await call(alice, "untrack") == OK
        assert await alice.is_silent()


async def test_a_missing_key_is_generated_and_tracking_needs_no_option(
    server: Server,
) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("pres")

        assert await call(socket, "track", {}) == OK

        [key] = (await a_diff(socket))["joins"]
        assert uuid.UUID(key).version == 1


async def test_invalid_calls_get_error_replies(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await join(socket, "a")

        assert await call(socket, "track", [1]) == {
            "status": "error",
            "response": {"reason": "Presence track payload must be a map"},
        }
        assert await call(socket, "dance") == {"status": "error", "response": {}}


async def test_the_sixth_call_within_the_window_closes_the_channel(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await join(socket, "a")
        for _ in range(5):
            assert await call(socket, "untrack") == OK

        await socket.push("realtime:pres", "presence", {"event": "untrack"})

        system = await socket.receive()
        assert system["payload"]["message"] == "Client presence rate limit exceeded"
        assert (await socket.receive())["event"] == "phx_close"


@pytest.mark.parametrize("limits", [RealtimeLimits(payload_bytes=100)])
async def test_a_large_payload_closes_the_channel(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await join(socket, "a")

        await socket.push(
            "realtime:pres", "presence", {"event": "track", "payload": {"x": "y" * 100}}
        )

        assert (await socket.receive())["payload"]["message"] == "Track message size exceeded"
        assert (await socket.receive())["event"] == "phx_close"


async def test_policies_decide_about_presence_on_private_channels(server: Server) -> None:
    own = f"user-{ALICE}"
    async with (
        wire(server.url, server.keys.publishable) as alice,
        wire(server.url, server.keys.publishable) as reader,
        wire(server.url, server.keys.secret) as admin,
    ):
        token = server.token()
        assert await join(alice, "alice", topic=own, private=True, access_token=token) == {}
        assert await call(alice, "track", {}, topic=own) == OK

        # On room-* the policy allows reading broadcasts, and no writing.
        await join(admin, "admin", topic="room-1", private=True)
        await reader.join("room-1", private=True, presence={"enabled": True}, access_token=token)
        assert await call(admin, "track", {}, topic="room-1") == OK
        denied = await call(reader, "track", {}, topic="room-1")

        assert denied == {"status": "error", "response": {}}
        assert await reader.is_silent()
