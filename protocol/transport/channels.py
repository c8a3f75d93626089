"""Channels that stay alive: topics and who listens to them, over as many lines as they need.

The agent notices nothing of a line that breaks: it polls.
"""

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

MOST_NOTED: Final = 100
"""How many kinds of odd messages a listener logs; a sender may invent types without end."""


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

    def __init__(self, url: str, key: str, *, options: ConnectionOptions | None = None) -> None:
        self._url = f"{url.rstrip('/')}/realtime/v1"
        self._key = key
        self._options = options or ConnectionOptions()
        self._broadcasts = Broadcaster(url, key)
        self._listeners: dict[str, list[_Listener]] = {}
        self._lines: dict[RealtimeConnection, asyncio.Task[None]] = {}
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
        for running in self._lines.values():
            running.cancel()
        # Closed without the block's error: the group would wrap it, and callers look for it bare.
        await self._stack.aclose()

    @property
    def connections(self) -> int:
        """See `Bus.connections`."""
        return self._connections

    @property
    def is_subscribed(self) -> bool:
        """See `Bus.is_subscribed`."""
        return bool(self._listeners) and all(map(self._hears, self._listeners))

    def listen(
        self,
        topic: str,
        on_message: Callable[[Envelope], None],
        *,
        on_ready: Callable[[], None] | None = None,
    ) -> AbstractAsyncContextManager[None]:
        """See `Bus.listen`."""
        return self._listening(_Listener(topic, on_message, on_ready))

    async def publish(self, messages: Sequence[OutgoingMessage]) -> None:
        """See `Bus.publish`."""
        await self._broadcasts.send(messages)

    @asynccontextmanager
    async def _listening(self, listener: _Listener) -> AsyncIterator[None]:
        topic = listener.topic
        together = self._listeners.setdefault(topic, [])
        together.append(listener)
        if len(together) == 1:
            self._place(topic)
        if self._hears(topic):
            self._ready(listener)
        try:
            yield
        finally:
            together.remove(listener)
            if not together:
                del self._listeners[topic]
                for line in self._lines:
                    line.drop(topic)

    def _place(self, topic: str) -> None:
        """Give the topic to a line that has room, a new one if need be."""
        for line in self._lines:
            if line.has_room:
                line.add(topic)
                return
        line = RealtimeConnection(self._url, self._key, ears=self, options=self._options)
        line.add(topic)
        self._lines[line] = self._group.create_task(self._run(line), name="realtime")

    async def _run(self, line: RealtimeConnection) -> None:
        await line.run()
        del self._lines[line]

    def _hears(self, topic: str) -> bool:
        return any(line.hears(topic) for line in self._lines)

    def connected(self) -> None:
        """See `Ears.connected`."""
        self._connections += 1

    def joined(self, topic: str) -> None:
        """See `Ears.joined`."""
        for each in self._listeners_of(topic):
            self._ready(each)

    def crowded_out(self, topic: str) -> None:
        """See `Ears.crowded_out`."""
        self._place(topic)

    def heard(self, topic: str, raw: dict[str, Any]) -> None:
        """See `Ears.heard`."""
        body = raw.get("payload")
        kind = str(raw.get("event"))[:100]
        for each in self._listeners_of(topic):
            try:
                message = Envelope.parse(body if isinstance(body, dict) else {})
                known = message.type in MUST_BE_ANSWERED or is_known(message)
            except MalformedMessage as error:
                if each.notes(f"malformed {kind}"):
                    logger.warning(
                        "a malformed message was ignored", topic=topic, event=kind, error=str(error)
                    )
                return
            if not known and each.notes(f"unknown {kind}"):
                logger.info("a message has a type that is not known here", topic=topic, event=kind)
            self._safely(partial(each.on_message, message), topic)

    def _listeners_of(self, topic: str) -> list[_Listener]:
        return list(self._listeners.get(topic, ()))

    def _ready(self, listener: _Listener) -> None:
        if listener.on_ready is not None:
            self._safely(listener.on_ready, listener.topic)

    def _safely(self, call: Callable[[], None], topic: str) -> None:
        try:
            call()
        except Exception:
            logger.exception("a callback failed", topic=topic)
