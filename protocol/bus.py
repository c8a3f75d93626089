"""The doorbell: what agents need of Realtime, and no more. Losing a message costs time only."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from protocol.messages import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message and where it is said."""

    topic: str
    envelope: Envelope


class Bus(Protocol):
    """Topics that can be heard and spoken to."""

    @property
    def connections(self) -> int:
        """How often a connection was made since it was opened: one, and one for each reconnect."""
        ...

    @property
    def is_subscribed(self) -> bool:
        """Whether every topic that is listened to is heard just now."""
        ...

    def listen(
        self,
        topic: str,
        on_message: Callable[[Envelope], None],
        *,
        on_ready: Callable[[], None] | None = None,
    ) -> AbstractAsyncContextManager[None]:
        """Hear a topic while the block runs.

        The callbacks are called on the loop and must not raise. `on_ready` is called at every
        (re)subscription: whatever was said before is lost, so look at the rows then. An absent or
        broken Realtime raises nothing: it is tried again.
        """
        ...

    async def publish(self, messages: Sequence[OutgoingMessage]) -> None:
        """Say all messages in one request, privately. Raises StoreUnavailable."""
        ...
