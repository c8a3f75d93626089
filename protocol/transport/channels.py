"""Channels that stay alive: one supervised client of the official library for all topics.

The library has several ways of going deaf without saying so: an exception in a callback ends
its listener, a closed channel is never joined again, unanswered heartbeats are not noticed. Here
every callback is wrapped, the library's own reconnect is off, and whenever anything looks wrong
the client is closed and a new one is built, with jittered waits. A closed client still calls
back, late: what a client breaks is its own. The agent notices nothing of this: it polls.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeAlias, cast
from uuid import uuid4

from loguru import logger
from realtime import (
    AsyncRealtimeChannel,
    AsyncRealtimeClient,
    RealtimeChannelOptions,
    RealtimeSubscribeStates,
)

from protocol.bus import Outgoing
from protocol.errors import MalformedMessage
from protocol.messages import Envelope, is_known
from protocol.transport.broadcast import Broadcasts

JOIN_SECONDS: Final = 30
"""Servers answer a refused join after 5 s, and a cold one later; a shorter wait mistakes both."""
HEARTBEAT_SECONDS: Final = 20
LONGEST_WAIT: Final = timedelta(seconds=30)
TICK_EVERY: Final = timedelta(seconds=60)
"""How often the client says something to itself, to know that it hears. Two deliveries a minute."""
TICK_PATIENCE: Final = timedelta(seconds=15)
OLDEST: Final = timedelta(hours=12)
"""Hosted projects end connections with an API key after 24 hours; ours are renewed before."""
CLOSE_SECONDS: Final = 5.0
MOST_NOTED: Final = 100
"""How many kinds of odd messages a listener logs; a sender may invent types without end."""


_Broken: TypeAlias = "asyncio.Future[str | None]"
"""Why a client is given up, once something is wrong with it; None when nobody needs it."""


@dataclass(eq=False, slots=True)
class _Listener:
    topic: str
    on_message: Callable[[Envelope], None]
    on_ready: Callable[[], None] | None
    noted: set[str] = field(default_factory=set)

    def notes(self, kind: str) -> bool:
        """Whether this kind of odd message has not been logged yet."""
        if kind in self.noted or len(self.noted) >= MOST_NOTED:
            return False
        self.noted.add(kind)
        return True


class Channels:
    """Implements `protocol.bus.Bus`. Use it within `async with`, in one event loop."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        tick_every: timedelta = TICK_EVERY,
        tick_patience: timedelta = TICK_PATIENCE,
    ) -> None:
        self._tick_every = tick_every
        self._tick_patience = tick_patience
        self._url = f"{url.rstrip('/')}/realtime/v1"
        self._key = key
        self._broadcasts = Broadcasts(url, key)
        self._listeners: list[_Listener] = []
        self._joined: set[str] = set()
        self._changed = asyncio.Event()
        self._tick_topic = f"cogo-tick:{uuid4()}"
        self._is_silent = False
        self._connections = 0
        self._jitter = random.Random()  # noqa: S311 - spreads reconnects, guards nothing

    async def __aenter__(self) -> Self:
        self._stack = contextlib.AsyncExitStack()
        await self._stack.enter_async_context(self._broadcasts)
        group = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._supervisor = group.create_task(self._supervise(), name="realtime")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._supervisor.cancel()
        # Closed without the block's error: the group would wrap it, and callers look for it bare.
        await self._stack.aclose()

    @property
    def connections(self) -> int:
        """See `Bus.connections`."""
        return self._connections

    @property
    def is_subscribed(self) -> bool:
        """See `Bus.is_subscribed`."""
        wanted = {each.topic for each in self._listeners}
        return bool(wanted) and wanted <= self._joined

    def listen(
        self,
        topic: str,
        on_message: Callable[[Envelope], None],
        *,
        on_ready: Callable[[], None] | None = None,
    ) -> AbstractAsyncContextManager[None]:
        """See `Bus.listen`."""
        return self._listening(_Listener(topic, on_message, on_ready))

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See `Bus.publish`."""
        await self._broadcasts.send(messages)

    @asynccontextmanager
    async def _listening(self, listener: _Listener) -> AsyncIterator[None]:
        self._listeners.append(listener)
        self._changed.set()
        if listener.topic in self._joined:
            self._ready(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)
            self._changed.set()

    async def _supervise(self) -> None:
        wait = 0.5
        while True:
            started = asyncio.get_running_loop().time()
            if self._listeners:
                await self._one_life()
                lived = asyncio.get_running_loop().time() - started
                wait = 0.5 if lived > wait * 4 else min(wait * 2, LONGEST_WAIT.total_seconds())
                await asyncio.sleep(self._jitter.uniform(0.1, wait))
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _one_life(self) -> None:
        """Serve with one client until something looks wrong; say so once per outage."""
        try:
            reason = await self._serve()
        except Exception as error:
            # Whatever it is: a doorbell that fails must not end the agent, which polls.
            if self._supervisor.cancelling():
                # Before Python 3.13 a task group whose child fails meanwhile loses its own cancel.
                raise asyncio.CancelledError from error
            reason = _root(error)
        if reason is not None and not self._is_silent:
            logger.warning("Realtime is away; work is found by polling", reason=reason)
            self._is_silent = True

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
            self._connections += 1
            async with asyncio.TaskGroup() as group:
                joining = group.create_task(self._join(client, broken), name="realtime topics")
                ticking = group.create_task(self._tick(client, broken), name="realtime tick")
                reason = await self._until_broken(client, broken)
                joining.cancel()
                ticking.cancel()
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

    async def _join(self, client: AsyncRealtimeClient, broken: _Broken) -> None:
        """Join what is listened to and leave what is not, until cancelled."""
        while True:
            self._changed.clear()
            wanted = {each.topic for each in self._listeners}
            joined = {topic.removeprefix("realtime:"): ch for topic, ch in client.channels.items()}
            for topic in sorted(wanted - joined.keys()):
                await self._join_one(client, topic, broken)
            for topic in joined.keys() - wanted - {self._tick_topic}:
                self._joined.discard(topic)
                await client.remove_channel(joined[topic])
                _forget(joined[topic])
            if not wanted:
                _break(broken, None)  # nobody listens: no connection is kept
            await self._changed.wait()

    async def _join_one(self, client: AsyncRealtimeClient, topic: str, broken: _Broken) -> None:
        channel = client.channel(topic, _options(own=False))
        channel.on_broadcast("*", lambda raw: self._hear(topic, cast("dict[str, Any]", raw)))

        def told(state: RealtimeSubscribeStates, error: Exception | None) -> None:
            if state is RealtimeSubscribeStates.SUBSCRIBED:
                self._is_silent = False
                self._joined.add(topic)
                for each in self._listeners_of(topic):
                    self._ready(each)
            elif self._listeners_of(topic):
                _forget(channel)
                _break(broken, f"{topic}: {error or state.value}")

        await channel.subscribe(told)

    def _listeners_of(self, topic: str) -> list[_Listener]:
        return [each for each in self._listeners if each.topic == topic]

    def _ready(self, listener: _Listener) -> None:
        if listener.on_ready is not None:
            self._safely(listener.on_ready, listener.topic)

    def _hear(self, topic: str, raw: dict[str, Any]) -> None:
        body = raw.get("payload")
        kind = str(raw.get("event"))[:100]
        for each in self._listeners_of(topic):
            try:
                message = Envelope.parse(body if isinstance(body, dict) else {})
                known = is_known(message)
            except MalformedMessage as error:
                if each.notes(f"malformed {kind}"):
                    logger.warning(
                        "a malformed message was ignored", topic=topic, event=kind, error=str(error)
                    )
                return
            if not known and each.notes(f"unknown {kind}"):
                logger.info("a message has a type that is not known here", topic=topic, event=kind)
            self._safely(partial(each.on_message, message), topic)

    def _safely(self, call: Callable[[], None], topic: str) -> None:
        try:
            call()
        except Exception:
            logger.exception("a callback failed", topic=topic)

    async def _tick(self, client: AsyncRealtimeClient, broken: _Broken) -> None:
        """Say something to ourselves now and then; a client that does not hear it is given up."""
        heard = asyncio.Event()
        channel = client.channel(self._tick_topic, _options(own=True))
        channel.on_broadcast("tick", lambda _raw: heard.set())
        try:
            await channel.subscribe()
            while True:
                await asyncio.sleep(self._tick_every.total_seconds())
                heard.clear()
                await channel.send_broadcast("tick", {})
                async with asyncio.timeout(self._tick_patience.total_seconds()):
                    await heard.wait()
        except TimeoutError:
            _break(broken, "the connection is deaf")
        finally:
            _forget(channel)


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
