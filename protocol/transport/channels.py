"""The bus over Realtime: topics and their listeners, over as many connections as they need."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from loguru import logger

from protocol.bus import OutgoingMessage
from protocol.errors import MalformedMessage
from protocol.messages import MUST_BE_ANSWERED, Envelope, is_known
from protocol.transport.broadcast import Broadcaster
from protocol.transport.realtime_connection import ConnectionOptions, RealtimeConnection

MAX_LOGGED_KINDS: Final = 100
"""How many kinds of unusable messages a listener logs: senders may invent any number of types."""


@dataclass(eq=False, slots=True)
class _Listener:
    topic: str
    on_message: Callable[[Envelope], None]
    on_ready: Callable[[], None] | None
    logged: set[str] = field(default_factory=set)

    def should_log(self, kind: str) -> bool:
        """Return whether this kind of unusable message has not been logged yet."""
        if kind in self.logged or len(self.logged) >= MAX_LOGGED_KINDS:
            return False
        self.logged.add(kind)
        return True


class Channels:
    """Implementation of `protocol.bus.Bus`. Use it within `async with`, on one event loop."""

    def __init__(self, url: str, key: str, *, options: ConnectionOptions | None = None) -> None:
        self._url = f"{url.rstrip('/')}/realtime/v1"
        self._key = key
        self._options = options or ConnectionOptions()
        self._broadcasts = Broadcaster(url, key)
        self._listeners: dict[str, list[_Listener]] = {}
        self._running: dict[RealtimeConnection, asyncio.Task[None]] = {}
        self._connections = 0

    async def __aenter__(self) -> Self:
        self._stack = contextlib.AsyncExitStack()
        await self._stack.enter_async_context(self._broadcasts)
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for running in self._running.values():
            running.cancel()
        # Close without passing the block's error: the group would wrap it in an exception group.
        await self._stack.aclose()

    @property
    def connections(self) -> int:
        """See `Bus.connections`."""
        return self._connections

    @property
    def is_subscribed(self) -> bool:
        """See `Bus.is_subscribed`."""
        return bool(self._listeners) and all(map(self._is_joined, self._listeners))

    def listen(
        self,
        topic: str,
        on_message: Callable[[Envelope], None],
        *,
        on_ready: Callable[[], None] | None = None,
    ) -> AbstractAsyncContextManager[None]:
        """See `Bus.listen`."""
        return self._listen(_Listener(topic, on_message, on_ready))

    async def publish(self, messages: Sequence[OutgoingMessage]) -> None:
        """See `Bus.publish`."""
        await self._broadcasts.send(messages)

    @asynccontextmanager
    async def _listen(self, listener: _Listener) -> AsyncIterator[None]:
        topic = listener.topic
        together = self._listeners.setdefault(topic, [])
        together.append(listener)
        if len(together) == 1:
            self._assign(topic)
        if self._is_joined(topic):
            self._notify_ready(listener)
        try:
            yield
        finally:
            together.remove(listener)
            if not together:
                del self._listeners[topic]
                for connection in self._running:
                    connection.remove(topic)

    def _assign(self, topic: str) -> None:
        """Add the topic to a connection with room, or to a new one."""
        for connection in self._running:
            if connection.has_room:
                connection.add(topic)
                return
        connection = RealtimeConnection(self._url, self._key, listener=self, options=self._options)
        connection.add(topic)
        self._running[connection] = self._group.create_task(self._run(connection), name="realtime")

    async def _run(self, connection: RealtimeConnection) -> None:
        await connection.run()
        del self._running[connection]

    def _is_joined(self, topic: str) -> bool:
        return any(connection.is_joined(topic) for connection in self._running)

    def on_connected(self) -> None:
        """See `ConnectionListener.on_connected`."""
        self._connections += 1

    def on_joined(self, topic: str) -> None:
        """See `ConnectionListener.on_joined`."""
        for each in self._get_listeners(topic):
            self._notify_ready(each)

    def on_rejected(self, topic: str) -> None:
        """See `ConnectionListener.on_rejected`."""
        self._assign(topic)

    def on_message(self, topic: str, raw: dict[str, Any]) -> None:
        """See `ConnectionListener.on_message`."""
        body = raw.get("payload")
        kind = str(raw.get("event"))[:100]
        for each in self._get_listeners(topic):
            try:
                message = Envelope.parse(body if isinstance(body, dict) else {})
                known = message.type in MUST_BE_ANSWERED or is_known(message)
            except MalformedMessage as error:
                if each.should_log(f"malformed {kind}"):
                    logger.warning(
                        "a malformed message was ignored", topic=topic, event=kind, error=str(error)
                    )
                return
            if not known and each.should_log(f"unknown {kind}"):
                logger.info("a message has a type that is not known here", topic=topic, event=kind)
            self._call_or_log(partial(each.on_message, message), topic)

    def _get_listeners(self, topic: str) -> list[_Listener]:
        return list(self._listeners.get(topic, ()))

    def _notify_ready(self, listener: _Listener) -> None:
        if listener.on_ready is not None:
            self._call_or_log(listener.on_ready, listener.topic)

    def _call_or_log(self, call: Callable[[], None], topic: str) -> None:
        try:
            call()
        except Exception:
            logger.exception("a callback failed", topic=topic)
