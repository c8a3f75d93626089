"""What every adapter offers: one wire format behind one call."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Protocol, Self

from providers.chat import ChatRequest, Event

__all__ = ["Adapter", "ListedModel", "ListedPrices", "Timeouts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a call may take. Each limit alone ends it."""

    connect: timedelta = timedelta(seconds=10)
    first_token: timedelta = timedelta(seconds=120)
    """From the call to the first text, reasoning or tool call."""
    stall: timedelta = timedelta(seconds=60)
    """Silence after the first token."""
    total: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPrices:
    """US dollars per million tokens, as a listing says them."""

    input: Decimal
    output: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """A model as its provider lists it; `None` where the listing does not say."""

    id: str
    display_name: str | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    retires_on: date | None = None
    prices: ListedPrices | None = None


class Adapter(Protocol):
    """One client of one provider. Open with `async with`; then any number of calls at once."""

    def stream(self, request: ChatRequest, *, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        """Ask once, without retries.

        Usage may come several times, the last counts; `Done` comes once and last. Closing the
        generator closes the connection, which ends the vendor's work and its bill.

        Raises:
            CallFailed: anything that the vendor or the network did.
        """

    async def list_models(self) -> list[ListedModel]:
        """What the provider says that it serves to this key.

        Raises:
            CallFailed: anything that the vendor or the network did.
        """

    async def __aenter__(self) -> Self:
        """Ready for calls; nothing is sent yet."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
