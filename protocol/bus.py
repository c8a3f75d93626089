"""The interface of Realtime. A lost message costs time, never data."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from protocol.messages import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message and its topic."""

    topic: str
    envelope: Envelope


class Bus(Protocol):
    """Topics that can be listened to and published on."""

    @property
    def connections(self) -> int:
        """The number of connections made since it was opened, reconnects included."""
        ...

    @property
    def is_subscribed(self) -> bool:
        """True if all topics that are listened to are subscribed now."""
        ...

    def listen(
        self,
        topic: str,
        on_message: Callable[[Envelope], None],
        *,
        on_ready: Callable[[], None] | None = None,
    ) -> AbstractAsyncContextManager[None]:
        """Listen to a topic while the block runs.

        The callbacks are called on the loop and must not raise. `on_ready` is called after each
        (re)subscription: earlier messages are lost, so the rows should be read then. If Realtime
        is unavailable, nothing is raised and the connection is retried.
        """
        ...

    async def publish(self, messages: Sequence[OutgoingMessage]) -> None:
        """Send all messages in one request, on private topics. Raise StoreUnavailable."""
        ...
