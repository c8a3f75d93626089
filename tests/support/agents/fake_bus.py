"""A bus that records messages, and fails or hangs on request."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from protocol.bus import OutgoingMessage
from protocol.errors import CogoError
from protocol.messages import Envelope


@dataclass(slots=True, kw_only=True)
class FakeBus:
    """Implements `protocol.bus.Bus`."""

    requests: list[list[OutgoingMessage]] = field(default_factory=list)
    """What each request said, those that failed included."""
    error: CogoError | None = None
    gate: asyncio.Event | None = None
    """Requests wait for it."""
    listeners: dict[str, Callable[[Envelope], None]] = field(default_factory=dict)

    connections: int = 1
    is_subscribed: bool = True

    def listen(
        self,
        topic: str,
        on_message: Callable[[Envelope], None],
        *,
        on_ready: Callable[[], None] | None = None,
    ) -> AbstractAsyncContextManager[None]:
        return self._listening(topic, on_message, on_ready)

    async def publish(self, messages: Sequence[OutgoingMessage]) -> None:
        self.requests.append(list(messages))
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error

    @asynccontextmanager
    async def _listening(
        self,
        topic: str,
        on_message: Callable[[Envelope], None],
        on_ready: Callable[[], None] | None,
    ) -> AsyncIterator[None]:
        self.listeners[topic] = on_message
        if on_ready is not None:
            on_ready()
        try:
            yield
        finally:
            if self.listeners[topic] == on_message:  # not of another one who came meanwhile
                del self.listeners[topic]
