"""A listener on a private topic through the official client, which checks every message."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from realtime import AsyncRealtimeClient, RealtimeSubscribeStates
from realtime.types import RealtimeChannelOptions

from embedded.state import State
from protocol.messages import Envelope, MessageType, SubtaskProgress, is_known, read_payload
from tests.support.eventually import eventually

OPTIONS: RealtimeChannelOptions = {
    "config": {
        "broadcast": {"ack": False, "self": True},
        "presence": {"key": "", "enabled": False},
        "private": True,
    }
}


@dataclass(slots=True)
class Watcher:
    """The messages received so far."""

    heard: list[Envelope] = field(default_factory=list)
    broken: list[Any] = field(default_factory=list)
    """What came and is no message of the protocol."""

    def hear(self, raw: Any) -> None:
        """Take a broadcast; an exception here would deafen the client without a word."""
        try:
            message = Envelope.parse(raw["payload"])
            assert raw["event"] == message.type
            assert is_known(message)
        except Exception as error:  # whatever it is, the test must hear of it
            self.broken.append((error, raw))
        else:
            self.heard.append(message)

    def of(self, type_: MessageType) -> list[Envelope]:
        """Return the messages of one type."""
        return [each for each in self.heard if each.type == type_]

    def progress(self) -> list[SubtaskProgress]:
        """Return the deltas of text and reasoning."""
        found = self.of(MessageType.SUBTASK_PROGRESS)
        return [read_payload(each, SubtaskProgress) for each in found]

    async def until(self, type_: MessageType, *, within: float = 40) -> Envelope:
        """Wait for a message of a type; give the first."""
        found = await eventually(lambda: self.of(type_), within=within)
        return found[0]

    def check(self) -> None:
        """Fail when anything that was heard is no message of the protocol."""
        assert not self.broken


@asynccontextmanager
async def realtime(
    state: State, *, key: str, token: str | None = None
) -> AsyncIterator[AsyncRealtimeClient]:
    """Open the official client with a project's key and, for a user, an access token."""
    client = AsyncRealtimeClient(f"{state.url}/realtime/v1", key)
    try:
        if token is not None:
            await client.set_auth(token)
        yield client
    finally:
        await client.close()


async def joined(
    client: AsyncRealtimeClient, topic: str, watcher: Watcher
) -> RealtimeSubscribeStates:
    """Ask to hear a private topic; give the server's answer."""
    states: list[RealtimeSubscribeStates] = []
    channel = client.channel(topic, OPTIONS).on_broadcast("*", watcher.hear)
    await channel.subscribe(lambda state, _: states.append(state))
    await eventually(lambda: states)
    return states[0]


@asynccontextmanager
async def watching(
    state: State, *topics: str, key: str | None = None, token: str | None = None
) -> AsyncIterator[Watcher]:
    """Hear topics while the block runs, with the secret key unless another is given."""
    watcher = Watcher()
    async with realtime(state, key=key or state.secret_key, token=token) as client:
        for topic in topics:
            assert await joined(client, topic, watcher) is RealtimeSubscribeStates.SUBSCRIBED
        yield watcher
    watcher.check()
