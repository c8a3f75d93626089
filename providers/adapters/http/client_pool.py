"""Clients of one vendor, each for a few calls at once.

For every request, a client's connection pool looks at each of its connections, and polls the idle
ones: with 500 of them that takes longer than the rest of the call. With several small pools the
time of a call does not depend on the number of others.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, Protocol, TypeVar

CALLS_OF_CLIENT: Final = 8
"""Calls that one client makes at once, each on a connection of its own."""
MAX_CLIENTS: Final = 128
"""Beyond this many, clients make more calls at once, whose connections are not kept."""
KEPT_SECONDS: Final = 45.0
"""For which connections without a call are kept, and clients without one. Many load balancers close
connections after 60 seconds."""

LIMITS: Final[Mapping[str, Any]] = {
    "max_keepalive_connections": CALLS_OF_CLIENT,
    "keepalive_expiry": KEPT_SECONDS,
}
"""Those of httpx and httpx2 for the connections of one client."""


class _Response(Protocol):
    async def aclose(self) -> None:
        """Close the response, and its connection unless it can be used again."""


C = TypeVar("C")
R = TypeVar("R", bound=_Response)


class _Member(Generic[C]):
    """A client and its running calls."""

    def __init__(self, client: C) -> None:
        self.client = client
        self.calls = 0
        self.idle_since = 0.0


class ClientPool(Generic[C]):
    """As many equal clients as the running calls need, at least one."""

    def __init__(
        self,
        build: Callable[[], C],
        close: Callable[[C], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a pool of what `build` returns and `close` closes."""
        self._build = build
        self._close = close
        self._clock = clock
        self._members = [_Member(build())]

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[C]:
        """Yield a client for one call: the first that has room, so that the last become idle."""
        member = self._choose()
        member.calls += 1
        try:
            await self._close_idle()
            yield member.client
        finally:
            member.calls -= 1
            member.idle_since = self._clock()

    @asynccontextmanager
    async def open(self, send: Callable[[C], Awaitable[R]]) -> AsyncIterator[R]:
        """Send a request by one of the clients, and yield its open response."""
        async with self.lease() as client:
            response = await send(client)
            try:
                yield response
            finally:
                await response.aclose()

    async def close(self) -> None:
        """Close all clients."""
        for member in self._members:
            await self._close(member.client)

    def _choose(self) -> _Member[C]:
        for member in self._members:
            if member.calls < CALLS_OF_CLIENT:
                return member
        if len(self._members) < MAX_CLIENTS:
            self._members.append(_Member(self._build()))
            return self._members[-1]
        return min(self._members, key=lambda each: each.calls)

    async def _close_idle(self) -> None:
        """Close the last client if it has been idle for long."""
        last = self._members[-1]
        is_idle = not last.calls and self._clock() - last.idle_since > KEPT_SECONDS
        if is_idle and len(self._members) > 1:
            self._members.pop()
            await self._close(last.client)
