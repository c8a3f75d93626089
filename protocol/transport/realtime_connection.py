"""One connection to Realtime that stays alive: a supervised client of the official library.

The library has several ways of going deaf without saying so: an exception in a callback ends
its listener, a closed channel is never joined again, unanswered heartbeats are not noticed. Here
every callback is wrapped, the library's own reconnect is off, and whenever anything looks wrong
the client is closed and a new one is built, with jittered waits. A closed client still calls
back, late: what a client breaks is its own.
"""

import asyncio
import contextlib
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol, TypeAlias, cast
from uuid import uuid4

from loguru import logger
from realtime import (
    AsyncRealtimeChannel,
    AsyncRealtimeClient,
    RealtimeChannelOptions,
    RealtimeSubscribeStates,
)
from realtime.message import ChannelCloseMessage, ServerMessage
from websockets.exceptions import ConnectionClosed

from protocol.backoff import compute_backoff

JOIN_SECONDS: Final = 30
"""Servers answer a refused join after 5 s, and a cold one later; a shorter wait mistakes both."""
JOINS_AT_ONCE: Final = 8
"""So that one slow join does not hold up the others, and a hundred do not come in one second."""
HEARTBEAT_SECONDS: Final = 20
OLDEST: Final = timedelta(hours=12)
"""Hosted projects end connections with an API key after 24 hours; ours are renewed before."""
CLOSE_SECONDS: Final = 5.0
_FULL: Final = "ChannelRateLimitReached"

_Broken: TypeAlias = "asyncio.Future[str | None]"
"""Why a client is given up, once something is wrong with it; None when it is not needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """Manners of one connection."""

    topics: int = 90
    """That one connection carries. Servers allow 100 channels, of which one is ours and a few
    may still be on their way out."""
    tick_every: timedelta = timedelta(seconds=60)
    """How often the client says something to itself, to know that it hears: two deliveries."""
    tick_patience: timedelta = timedelta(seconds=15)
    ping_every: timedelta = timedelta(seconds=10)
    """How often the server's end of the connection is asked for a sign of life; no message."""
    ping_patience: timedelta = timedelta(seconds=15)
    """Longer than a busy server takes: the end of a connection is not free either."""
    linger: timedelta = timedelta(minutes=5)
    """How long a connection is kept for the next listener when nobody listens."""


class ConnectionListener(Protocol):
    """Who hears what comes over a line. Called on the loop; what it raises is logged."""

    def connected(self) -> None:
        """A client has connected."""

    def joined(self, topic: str) -> None:
        """The topic is heard from now on."""

    def heard(self, topic: str, raw: dict[str, Any]) -> None:
        """Somebody said something."""

    def crowded_out(self, topic: str) -> None:
        """The server takes no more topics on this line; this one is not on it any more."""


class RealtimeConnection:
    """Carries topics over one connection at a time. One task calls `run`; all on one loop."""

    def __init__(
        self, url: str, key: str, *, ears: ConnectionListener, options: ConnectionOptions
    ) -> None:
        """`url` is that of Realtime; the first topic is added before `run`."""
        self._url = url
        self._key = key
        self._ears = ears
        self._options = options
        self._room = options.topics
        self._topics: set[str] = set()
        self._joined: set[str] = set()
        self._changed = asyncio.Event()
        self._tick_topic = f"cogo-tick:{uuid4()}"
        self._is_silent = False
        self._jitter = random.Random()  # noqa: S311 - spreads reconnects, guards nothing

    @property
    def has_room(self) -> bool:
        """Whether it can carry one more topic."""
        return len(self._topics) < self._room

    def hears(self, topic: str) -> bool:
        """Whether the topic is heard just now."""
        return topic in self._joined and topic in self._topics

    def add(self, topic: str) -> None:
        """Hear this topic too."""
        self._topics.add(topic)
        self._changed.set()

    def drop(self, topic: str) -> None:
        """Hear this topic no more."""
        self._topics.discard(topic)
        self._changed.set()

    async def run(self) -> None:
        """Keep the topics heard until there have been none for a while, or until cancelled."""
        failures = 1
        while self._topics:
            started = asyncio.get_running_loop().time()
            reason = await self._one_life()
            if reason is None:
                continue  # it was ended on purpose: the next one need not wait
            lived = asyncio.get_running_loop().time() - started
            is_lasting = lived > 4 * compute_backoff(failures, first=0.5, longest=30)
            failures = 1 if is_lasting else failures + 1
            wait = compute_backoff(failures, first=0.5, longest=30, jitter=self._jitter)
            await asyncio.sleep(max(wait, 0.1))

    async def _one_life(self) -> str | None:
        """Serve with one client until something looks wrong; say so once per outage."""
        me = asyncio.current_task()
        try:
            reason = await self._serve()
        except Exception as error:
            # Whatever it is: a doorbell that fails must not end the agent, which polls.
            if me is not None and me.cancelling():
                # Before Python 3.13 a task group whose child fails meanwhile loses its own cancel.
                raise asyncio.CancelledError from error
            reason = _root(error)
        if reason is not None and not self._is_silent:
            logger.warning("Realtime is away; work is found by polling", reason=reason)
            self._is_silent = True
        return reason

    async def _serve(self) -> str | None:
        """Build a client and use it until it breaks; give the reason, if there is one to give."""
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
            self._ears.connected()
            async with asyncio.TaskGroup() as group:
                # The tick comes first: a server that allows few topics must not refuse this one.
                ticking = group.create_task(self._tick(client, broken), name="realtime tick")
                pinging = group.create_task(self._ping(client, broken), name="realtime ping")
                following = group.create_task(self._follow(client, broken), name="realtime topics")
                reason = await self._until_broken(client, broken)
                following.cancel()
                ticking.cancel()
                pinging.cancel()
        finally:
            self._joined.clear()
            await _give_up(client)
        return reason

    async def _until_broken(self, client: AsyncRealtimeClient, broken: _Broken) -> str | None:
        """Give what broke it; None when it was ended on purpose."""
        try:
            async with asyncio.timeout(OLDEST.total_seconds() * self._jitter.uniform(0.8, 1.0)):
                while not broken.done():
                    await asyncio.wait([broken], timeout=1.0)
                    listening = client._listen_task
                    if listening is None or listening.done() or not client.is_connected:
                        _break(broken, "the connection ended")
        except TimeoutError:
            return None  # it is old
        return broken.result()

    async def _follow(self, client: AsyncRealtimeClient, broken: _Broken) -> None:
        """Join what is wanted and leave what is not, until cancelled or not needed."""
        gate = asyncio.Semaphore(JOINS_AT_ONCE)
        channels: dict[str, AsyncRealtimeChannel] = {}
        async with asyncio.TaskGroup() as joining:
            while True:
                self._changed.clear()
                for topic in channels.keys() - self._topics:
                    self._joined.discard(topic)
                    channel = channels.pop(topic, None)
                    if channel is None:
                        continue  # its join was refused while we left another
                    await client.remove_channel(channel)
                    _forget(channel)
                for topic in sorted(self._topics - channels.keys()):
                    name = f"realtime:{topic}"
                    channels[topic] = _Channel(client, name, _options(own=False))
                    client.channels[name] = channels[topic]
                    joining.create_task(self._join(gate, topic, channels, broken), name=name)
                if not await self._change():
                    _break(broken, None)
                    return

    async def _change(self) -> bool:
        """Wait until other topics are wanted; False when none were for long."""
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

        def told(state: RealtimeSubscribeStates, error: Exception | None) -> None:
            if channels.get(topic) is not channel:
                return  # it was left
            if state is RealtimeSubscribeStates.SUBSCRIBED:
                self._is_silent = False
                self._joined.add(topic)
                self._ears.joined(topic)
                return
            _forget(channel)
            reason = str(error or state.value)
            is_crowded = _FULL in reason and len(self._topics) > 1
            if topic in self._topics and not is_crowded:
                _break(broken, f"{topic}: {reason}")
                return
            del channels[topic], channel.socket.channels[channel.topic]
            if topic in self._topics:
                self._turn_away(topic)

        channel.on_broadcast("*", lambda raw: self._ears.heard(topic, cast("dict[str, Any]", raw)))
        async with gate:
            if channels.get(topic) is channel:
                await channel.subscribe(told)

    def _turn_away(self, topic: str) -> None:
        """Believe the server that this line is full: it may allow fewer topics than we thought."""
        self._room = max(1, len(self._topics) - 1)
        self.drop(topic)
        self._ears.crowded_out(topic)

    async def _ping(self, client: AsyncRealtimeClient, broken: _Broken) -> None:
        """Abandon a client whose server does not answer protocol pings: it is frozen.

        A loop of ours that was held up is no reason: what came meanwhile is read first.
        """
        while (connection := client._ws_connection) is not None:
            try:
                pong = cast("asyncio.Future[float]", await connection.ping())
            except ConnectionClosed:
                return
            await asyncio.wait([pong], timeout=self._options.ping_patience.total_seconds())
            if not pong.done():
                _break(broken, "the server does not answer")
                return
            await asyncio.sleep(self._options.ping_every.total_seconds())

    async def _tick(self, client: AsyncRealtimeClient, broken: _Broken) -> None:
        """Say something to ourselves now and then; a client that does not hear it is given up."""
        heard = asyncio.Event()
        channel = client.channel(self._tick_topic, _options(own=True))
        channel.on_broadcast("tick", lambda _raw: heard.set())
        try:
            await channel.subscribe()
            while True:
                await asyncio.sleep(self._options.tick_every.total_seconds())
                heard.clear()
                await channel.send_broadcast("tick", {})
                async with asyncio.timeout(self._options.tick_patience.total_seconds()):
                    await heard.wait()
        except TimeoutError:
            _break(broken, "the connection is deaf")
        finally:
            _forget(channel)


class _Channel(AsyncRealtimeChannel):
    """The library's takes the end of an earlier one of its topic for its own; this one does not.

    Whoever leaves a topic and comes back at once would lose the connection otherwise.
    """

    def _handle_message(self, message: ServerMessage) -> None:
        if isinstance(message, ChannelCloseMessage) and message.ref not in {
            None,
            self.join_push.ref,
        }:
            return
        super()._handle_message(message)


def _break(broken: _Broken, reason: str | None) -> None:
    if not broken.done():
        broken.set_result(reason)


async def _give_up(client: AsyncRealtimeClient) -> None:
    channels = client.get_channels()
    with contextlib.suppress(Exception):  # a client that is given up cannot complain
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.close()
    for channel in channels:
        _forget(channel)


def _forget(channel: AsyncRealtimeChannel) -> None:
    """Stop the timers that the library leaves running, for up to half a minute."""
    channel.rejoin_timer.reset()
    for push in (channel.join_push, *channel.messages_waiting_for_ack.values()):
        push.destroy()


def _root(error: Exception) -> str:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def _options(*, own: bool) -> RealtimeChannelOptions:
    # The declared type wants all three keys of a config; the library takes what is there.
    config = {"private": True, "broadcast": {"ack": False, "self": own}}
    return cast("RealtimeChannelOptions", {"config": config})
