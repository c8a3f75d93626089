"""The interface of all adapters: one wire format behind one call."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol, Self

from providers.adapters.listings import ListedModel
from providers.chat import ChatRequest, Event

LOOPBACK_MOUNTS: Final = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
"""`mounts` of an HTTP client that never sends what is for this machine to a proxy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Timeouts of a call; each of them ends it."""

    connect: timedelta = timedelta(seconds=10)
    first_token: timedelta = timedelta(seconds=120)
    """From the call to the first text, reasoning or tool call."""
    stall: timedelta = timedelta(seconds=60)
    """Between two events after the first token."""
    total: timedelta = timedelta(minutes=15)


class Adapter(Protocol):
    """Client of one provider, for any number of concurrent calls. Open it with `async with`."""

    def stream(self, request: ChatRequest, *, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        """Send a request, without retries, and yield the events of its answer.

        `TokenUsage` may come several times and the last one counts; `Done` comes once and last.
        Closing the generator closes the connection, which ends the vendor's work and its bill.

        Raises:
            CallFailed: the vendor or the network failed.
        """

    async def list_models(self) -> list[ListedModel]:
        """Return the models that the provider lists for this key.

        Raises:
            CallFailed: the vendor or the network failed.
        """

    async def __aenter__(self) -> Self:
        """Prepare for calls; nothing is sent yet."""

    async def __aexit__(self, *exc_info: object) -> None:
        """Close every connection."""


def strip_endpoint(url: str) -> str:
    """Return the base URL from one that may name the endpoint of chat completions."""
    return url.rstrip("/").removesuffix("/chat/completions")
