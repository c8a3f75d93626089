"""Rate limits, and the errors about them."""

import httpx
import pytest

from embedded.realtime.limits import RealtimeLimits
from tests.contract.realtime.conftest import ONE_POSTGRES, Server
from tests.contract.realtime.wire import wire

pytestmark = ONE_POSTGRES


@pytest.mark.parametrize(
    "limits", [RealtimeLimits(refusal_seconds=0.05, joins_per_second=0.2, rate_window_seconds=10)]
)
async def test_too_many_joins_get_an_error_and_close_the_socket(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        assert [(await socket.join(name))["status"] for name in "ab"] == ["ok", "ok"]

        refused = await socket.join("c")

        assert refused == {
            "status": "error",
            "response": {"reason": "ClientJoinRateLimitReached: Too many joins per second"},
        }
        assert await socket.closed_with() == 1001


@pytest.mark.parametrize(
    "limits", [RealtimeLimits(messages_per_second=0.2, rate_window_seconds=10)]
)
async def test_too_many_messages_close_the_channel_but_not_the_socket(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room", broadcast={"self": True})
        for _ in range(3):
            await socket.push("realtime:room", "broadcast", {"event": "e"})

        assert [(await socket.receive())["event"] for _ in range(2)] == ["broadcast"] * 2
        assert (await socket.receive())["payload"] == {
            "message": "Too many messages per second",
            "status": "error",
            "extension": "system",
            "channel": "room",
        }
        assert (await socket.receive())["event"] == "phx_close"
        await socket.push("realtime:room", "broadcast", {"event": "e"})
        unmatched = {"status": "error", "response": {"reason": "unmatched topic"}}
        assert (await socket.receive())["payload"] == unmatched


@pytest.mark.parametrize(
    "limits", [RealtimeLimits(messages_per_second=0.2, rate_window_seconds=10)]
)
async def test_too_many_messages_over_http_are_refused_and_none_of_them_sent(
    server: Server,
) -> None:
    def a_batch(size: int) -> dict[str, list[dict[str, object]]]:
        return {"messages": [{"topic": "room", "event": "e", "payload": {}}] * size}

    headers = {"apikey": server.keys.publishable}
    async with (
        wire(server.url, server.keys.publishable) as socket,
        httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as http,
    ):
        await socket.join("room")

        refused = await http.post("/api/broadcast", json=a_batch(3))
        accepted = await http.post("/api/broadcast", json=a_batch(2))
        single = await http.post("/api/broadcast/room/events/e", json={})

        assert (refused.status_code, accepted.status_code) == (429, 202)
        assert single.status_code == 429
        assert refused.json() == {"message": "You have exceeded your rate limit"}
        assert [(await socket.receive())["event"] for _ in range(2)] == ["broadcast"] * 2
        assert await socket.is_silent()
