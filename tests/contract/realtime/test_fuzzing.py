"""No frame affects other clients than its sender."""

import contextlib
import json
from typing import Any

import pytest
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedded.realtime.limits import RealtimeLimits
from tests.contract.realtime.conftest import ONE_POSTGRES, Server
from tests.contract.realtime.wire import wire

pytestmark = ONE_POSTGRES

EVENTS = ["phx_join", "phx_leave", "heartbeat", "access_token", "broadcast", "presence", "x"]
TOPICS = ["realtime:room", "realtime:", "phoenix", "room", "realtime:public:t:a=eq.1"]
KEYS = ["config", "broadcast", "presence", "postgres_changes", "replay", "private", "event"]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYS, "payload", "access_token"]), inner, max_size=4)
    ),
    max_leaves=8,
)
REFS = st.none() | st.text(max_size=3) | st.integers()
PARTS = (REFS, REFS, st.sampled_from(TOPICS), st.sampled_from(EVENTS), VALUES)
FRAMES = (
    st.tuples(*PARTS).map(json.dumps)
    | st.tuples(*PARTS).map(
        lambda parts: json.dumps(
            dict(zip(("join_ref", "ref", "topic", "event", "payload"), parts, strict=True))
        )
    )
    | st.text()
    | st.binary()
    | st.binary().map(lambda rest: b"\x03" + rest)
    | st.binary().map(lambda rest: b"\x03\x01\x01\x0d\x01\x00\x01" + b"11realtime:roome" + rest)
)


@pytest.mark.parametrize("limits", [RealtimeLimits(refusal_seconds=0.001)])
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(vsn=st.sampled_from(["1.0.0", "2.0.0"]), frames=st.lists(FRAMES, max_size=10))
async def test_no_frames_affect_another_connection(
    server: Server, vsn: str, frames: list[str | bytes]
) -> None:
    key = server.keys.publishable
    async with wire(server.url, key) as other, wire(server.url, key, vsn) as evil:
        await other.join("quiet", broadcast={"self": True})
        with contextlib.suppress(websockets.ConnectionClosed):
            for frame in frames:
                await evil.send(frame)

        await other.push("realtime:quiet", "broadcast", {"event": "alive"})

        assert (await other.receive())["payload"] == {"event": "alive"}
