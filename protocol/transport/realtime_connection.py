"""A supervised connection to Realtime, over the official library.

The library can stop receiving without an error: an exception in a callback ends its listener, a
closed channel is never rejoined, unanswered heartbeats go unnoticed. Here every callback is
wrapped, the library's own reconnect is off, and whenever something looks wrong the client is closed
and a new one is created, after a jittered wait. A closed client may still call back later, so
callbacks can only mark their own client as broken.
"""

import asyncio
import contextlib
import random
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Final, Protocol, TypeAlias, cast
from uuid import uuid4

from loguru import logger
from pydantic import Discriminator, TypeAdapter
from realtime import (
    AsyncRealtimeChannel,
    AsyncRealtimeClient,
    RealtimeChannelOptions,
    RealtimeSubscribeStates,
)
from realtime._async import client as library
from realtime.message import ChannelCloseMessage, ServerMessage
from websockets.exceptions import ConnectionClosed

from protocol.backoff import compute_backoff

JOIN_SECONDS: Final = 30
"""Servers refuse a join after 5 s, and take longer to start: a shorter timeout would be wrong."""
JOINS_AT_ONCE: Final = 8
"""Concurrent joins, so that a slow one does not delay all; servers limit joins per second."""
HEARTBEAT_SECONDS: Final = 20
MAX_AGE: Final = timedelta(hours=12)
"""Hosted projects close connections with an API key after 24 hours; they are renewed before."""
CLOSE_SECONDS: Final = 5.0
_FULL: Final = "ChannelRateLimitReached"

_Broken: TypeAlias = "asyncio.Future[str | None]"
"""Set to the reason once a client is broken; to None if it is no longer needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """Options of one connection."""

    topics: int = 90
    """Topics on one connection. Servers allow 100 channels; one is used for the echo, and a few may
    still be closing."""
    echo_every: timedelta = timedelta(seconds=60)
    """How often the client sends itself a message to test that it receives; counts as two."""
    echo_timeout: timedelta = timedelta(seconds=15)
    ping_every: timedelta = timedelta(seconds=10)
    """How often a WebSocket ping is sent, which does not count as a message."""
    ping_timeout: timedelta = timedelta(seconds=15)
    """Longer than a busy server takes, because reconnecting has a cost, too."""
    linger: timedelta = timedelta(minutes=5)
    """How long a connection without topics is kept for the next listener."""


class ConnectionListener(Protocol):
    """Callbacks of a connection, called on the loop. They must not raise."""

    def on_connected(self) -> None:
        """Handle a new connection."""

    def on_joined(self, topic: str) -> None:
        """Handle the subscription of a topic."""

    def on_message(self, topic: str, raw: dict[str, Any]) -> None:
        """Handle a message."""

    def on_rejected(self, topic: str) -> None:
        """Handle the removal of a topic: the server accepts no more on this connection."""


@cache
def parse_messages_by_event() -> None:
    """Make the library read the kind of a message from its event.

    It validates each message as every kind, and takes the best: of one of 5 kB, for 0.2 ms or more.
    """
    adapter: TypeAdapter[ServerMessage] = TypeAdapter(
        Annotated[ServerMessage, Discriminator("event")]
    )
    library.ServerMessageAdapter = adapter  # type: ignore[attr-defined]


class RealtimeConnection:
    """Topics over one connection at a time. One task calls `run`; all calls are on one loop."""

    def __init__(
        self, url: str, key: str, *, listener: ConnectionListener, options: ConnectionOptions
    ) -> None:
        """`url` is Realtime's; the first topic must be added before `run`."""
        self._url = url
        self._key = key
        self._listener = listener
        self._options = options
        self._room = options.topics
        self._topics: set[str] = set()
        self._joined: set[str] = set()
        self._changed = asyncio.Event()
        self._echo_topic = f"cogo-echo:{uuid4()}"
        self._is_outage_logged = False
        self._jitter = random.Random()  # noqa: S311 - spreads reconnects, guards nothing

    @property
    def has_room(self) -> bool:
        """True if it can take one more topic."""
        return len(self._topics) < self._room

    def is_joined(self, topic: str) -> bool:
        """Return whether the topic is subscribed now."""
        return topic in self._joined and topic in self._topics

    def add(self, topic: str) -> None:
        """Subscribe to a topic."""
        self._topics.add(topic)
        self._changed.set()

    def remove(self, topic: str) -> None:
        """Unsubscribe from a topic."""
        self._topics.discard(topic)
        self._changed.set()

    async def run(self) -> None:
        """Keep the topics subscribed until there were none for `linger`, or until cancelled."""
        failures = 1
        while self._topics:
            started = asyncio.get_running_loop().time()
            reason = await self._run_and_log()
            if reason is None:
                continue  # it was ended on purpose: reconnect at once
            lived = asyncio.get_running_loop().time() - started
            is_lasting = lived > 4 * compute_backoff(failures, first=0.5, longest=30)
            failures = 1 if is_lasting else failures + 1
            wait = compute_backoff(failures, first=0.5, longest=30, jitter=self._jitter)
            await asyncio.sleep(max(wait, 0.1))

    async def _run_and_log(self) -> str | None:
        """Run one client until something looks wrong; log it once per outage."""
        me = asyncio.current_task()
        try:
            reason = await self._run_client()
        except Exception as error:
            # After any error the agent must continue without Realtime, by polling.
            if me is not None and me.cancelling():
                # Before Python 3.13 a task group loses its cancellation if a child fails meanwhile.
                raise asyncio.CancelledError from error
            reason = _describe(error)
        if reason is not None and not self._is_outage_logged:
            logger.warning("Realtime is unavailable; polling for work", reason=reason)
            self._is_outage_logged = True
        return reason

    async def _run_client(self) -> str | None:
        """Create a client and use it until it breaks; return the reason, None if on purpose."""
        parse_messages_by_event()
        client = AsyncRealtimeClient(
            self._url,
            token=self._key,
            auto_reconnect=False,
            max_retries=1,
            hb_interval=HEARTBEAT_SECONDS,
            timeout=JOIN_SECONDS,
        )
        broken: _Broken = asyncio.get_running_loop().create_future()
        try:
            await client.connect()
            self._listener.on_connected()
            async with asyncio.TaskGroup() as group:
                # The echo joins first: a server that allows few topics must not refuse this one.
                echoing = group.create_task(self._echo(client, broken), name="realtime echo")
                pinging = group.create_task(self._ping(client, broken), name="realtime ping")
                following = group.create_task(self._follow(client, broken), name="realtime topics")
                reason = await self._wait_until_broken(client, broken)
                following.cancel()
                echoing.cancel()
                pinging.cancel()
        finally:
            self._joined.clear()
            await _close(client)
        return reason

    async def _wait_until_broken(self, client: AsyncRealtimeClient, broken: _Broken) -> str | None:
        """Wait until the client is broken; return the reason, None if it was ended on purpose."""
        try:
            async with asyncio.timeout(MAX_AGE.total_seconds() * self._jitter.uniform(0.8, 1.0)):
                while not broken.done():
                    await asyncio.wait([broken], timeout=1.0)
                    listening = client._listen_task
                    if listening is None or listening.done() or not client.is_connected:
                        _mark_broken(broken, "the connection ended")
        except TimeoutError:
            return None  # it is old
        return broken.result()

    async def _follow(self, client: AsyncRealtimeClient, broken: _Broken) -> None:
        """Join added topics and leave removed ones, until cancelled or no longer needed."""
        gate = asyncio.Semaphore(JOINS_AT_ONCE)
        channels: dict[str, AsyncRealtimeChannel] = {}
        async with asyncio.TaskGroup() as joining:
            while True:
                self._changed.clear()
                for topic in channels.keys() - self._topics:
                    self._joined.discard(topic)
                    channel = channels.pop(topic, None)
                    if channel is None:
                        continue  # its join was refused while another was removed
                    await client.remove_channel(channel)
                    _stop_timers(channel)
                for topic in sorted(self._topics - channels.keys()):
                    name = f"realtime:{topic}"
                    channels[topic] = _Channel(client, name, _options(own=False))
                    client.channels[name] = channels[topic]
                    joining.create_task(self._join(gate, topic, channels, broken), name=name)
                if not await self._wait_for_change():
                    _mark_broken(broken, None)
                    return

    async def _wait_for_change(self) -> bool:
        """Wait until the topics change; return False if there were none for `linger`."""
        try:
            linger = self._options.linger.total_seconds()
            async with asyncio.timeout(None if self._topics else linger):
                await self._changed.wait()
        except TimeoutError:
            return bool(self._topics)
        return True

    async def _join(
        self,
        gate: asyncio.Semaphore,
        topic: str,
        channels: dict[str, AsyncRealtimeChannel],
        broken: _Broken,
    ) -> None:
        channel = channels[topic]

        def on_state(state: RealtimeSubscribeStates, error: Exception | None) -> None:
            if channels.get(topic) is not channel:
                return  # it was left
            if state is RealtimeSubscribeStates.SUBSCRIBED:
                self._is_outage_logged = False
                self._joined.add(topic)
                self._listener.on_joined(topic)
                return
            _stop_timers(channel)
            reason = str(error or state.value)
            is_crowded = _FULL in reason and len(self._topics) > 1
            if topic in self._topics and not is_crowded:
                _mark_broken(broken, f"{topic}: {reason}")
                return
            del channels[topic], channel.socket.channels[channel.topic]
            if topic in self._topics:
                self._remove_rejected(topic)

        channel.on_broadcast(
            "*", lambda raw: self._listener.on_message(topic, cast("dict[str, Any]", raw))
        )
        async with gate:
            if channels.get(topic) is channel:
                await channel.subscribe(on_state)

    def _remove_rejected(self, topic: str) -> None:
        """Remove a topic: the server allows fewer on one connection than expected."""
        self._room = max(1, len(self._topics) - 1)
        self.remove(topic)
        self._listener.on_rejected(topic)

    async def _ping(self, client: AsyncRealtimeClient, broken: _Broken) -> None:
        """Mark the client as broken if the server does not answer WebSocket pings.

        If this process's loop was blocked, a pong that arrived meanwhile is read first.
        """
        while (connection := client._ws_connection) is not None:
            try:
                pong = cast("asyncio.Future[float]", await connection.ping())
            except ConnectionClosed:
                return
            await asyncio.wait([pong], timeout=self._options.ping_timeout.total_seconds())
            if not pong.done():
                _mark_broken(broken, "the server does not answer")
                return
            await asyncio.sleep(self._options.ping_every.total_seconds())

    async def _echo(self, client: AsyncRealtimeClient, broken: _Broken) -> None:
        """Send this client a message periodically; mark it as broken if none arrives."""
        heard = asyncio.Event()
        channel = client.channel(self._echo_topic, _options(own=True))
        channel.on_broadcast("echo", lambda _raw: heard.set())
        try:
            await channel.subscribe()
            while True:
                await asyncio.sleep(self._options.echo_every.total_seconds())
                heard.clear()
                await channel.send_broadcast("echo", {})
                async with asyncio.timeout(self._options.echo_timeout.total_seconds()):
                    await heard.wait()
        except TimeoutError:
            _mark_broken(broken, "the connection does not receive")
        finally:
            _stop_timers(channel)


class _Channel(AsyncRealtimeChannel):
    """A channel that ignores close messages for an earlier channel of the same topic.

    The library does not tell them apart, so leaving and immediately rejoining a topic would fail.
    """

    def _handle_message(self, message: ServerMessage) -> None:
        if isinstance(message, ChannelCloseMessage) and message.ref not in {
            None,
            self.join_push.ref,
        }:
            return
        super()._handle_message(message)


def _mark_broken(broken: _Broken, reason: str | None) -> None:
    if not broken.done():
        broken.set_result(reason)


async def _close(client: AsyncRealtimeClient) -> None:
    channels = client.get_channels()
    with contextlib.suppress(Exception):  # errors of a broken client do not matter
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.close()
    for channel in channels:
        _stop_timers(channel)


def _stop_timers(channel: AsyncRealtimeChannel) -> None:
    """Stop the timers that the library would leave running for up to half a minute."""
    channel.rejoin_timer.reset()
    for push in (channel.join_push, *channel.messages_waiting_for_ack.values()):
        push.destroy()


def _describe(error: Exception) -> str:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def _options(*, own: bool) -> RealtimeChannelOptions:
    # The declared type requires three keys; the library accepts fewer.
    config = {"private": True, "broadcast": {"ack": False, "self": own}}
    return cast("RealtimeChannelOptions", {"config": config})
