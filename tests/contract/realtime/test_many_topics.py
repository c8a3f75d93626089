"""More topics than one connection allows are served over several."""

from contextlib import AsyncExitStack

import pytest

from embedded.realtime.limits import HOSTED, RealtimeLimits
from protocol.bus import OutgoingMessage
from protocol.messages import Envelope
from protocol.transport.channels import Channels
from protocol.transport.realtime_connection import ConnectionOptions
from tests.contract.realtime.conftest import ONE_POSTGRES, Server
from tests.support.eventually import eventually
from tests.support.recording_listener import RecordingListener, captured_logs

pytestmark = ONE_POSTGRES


def channels_of(server: Server, options: ConnectionOptions | None = None) -> Channels:
    url = server.url.removesuffix("/realtime/v1")
    return Channels(url, server.keys.secret, options=options)


async def all_heard(channels: Channels, topics: int) -> list[list[int]]:
    """Subscribe to topics, send to each, and return what each received."""
    listeners = [RecordingListener() for _ in range(topics)]
    async with AsyncExitStack() as stack:
        for number, listener in enumerate(listeners):
            await stack.enter_async_context(listener.on(channels, f"room-{number}"))
        await eventually(lambda: channels.is_subscribed, within=60)
        await channels.publish([_said(number) for number in range(topics)])
        await eventually(lambda: all(listener.heard for listener in listeners), within=60)
    return [[each.payload["number"] for each in listener.heard] for listener in listeners]


def _said(number: int) -> OutgoingMessage:
    message = {"type": "TASK_ADMIRED", "payload": {"number": number}, "source": "x"}
    envelope = Envelope.parse(message | {"target": f"room-{number}"})
    return OutgoingMessage(topic=f"room-{number}", envelope=envelope)


@pytest.mark.parametrize("limits", [HOSTED])
async def test_more_topics_than_one_hosted_connection_allows_are_served(server: Server) -> None:
    with captured_logs("WARNING") as records:
        async with channels_of(server) as channels:
            assert await all_heard(channels, 130) == [[number] for number in range(130)]
            assert channels.connections == 2

    assert not records


@pytest.mark.parametrize("limits", [RealtimeLimits(channels_per_socket=5, refusal_seconds=0.01)])
async def test_a_lower_limit_of_topics_is_respected(server: Server) -> None:
    with captured_logs("WARNING") as records:
        async with channels_of(server) as channels:
            assert await all_heard(channels, 12) == [[number] for number in range(12)]
            assert channels.connections >= 3

    assert not [each for each in records if "unavailable" in each["message"]]


async def test_empty_connections_are_reused(server: Server) -> None:
    options = ConnectionOptions(topics=3)
    async with channels_of(server, options) as channels:
        await all_heard(channels, 10)
        assert channels.connections == 4

        await all_heard(channels, 3)
        assert channels.connections == 4  # an empty one is reused
