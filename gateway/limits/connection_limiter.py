"""Limit on concurrent requests, streams and sockets, in total and for each caller.

anyio's `CapacityLimiter` has a total but no share for each borrower, and cannot move a token from
an address to the key that a request is authenticated with.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from starlette.types import Scope

from gateway.problems import Problem

URGENT_PATHS: Final = frozenset({"/spending/stop"})
"""What operators may request whatever their gateway and their key are busy with."""


class ConnectionSlot:
    """The slot of one request, held by its address until it is authenticated."""

    def __init__(self, limiter: "ConnectionLimiter", holder: str) -> None:
        self.holder = holder
        self._limiter = limiter

    def transfer_to(self, holder: str, *, is_urgent: bool = False) -> None:
        """Count the request for `holder`. Raise Problem (429) if it has too many."""
        if holder == self.holder:
            return
        if self._limiter.is_exhausted(holder) and not is_urgent:
            raise build_limit_problem(429, "this key or user", self._limiter.share)
        self._limiter.move(self.holder, holder)
        self.holder = holder


class ConnectionLimiter:
    """Counts slots by holder: an address, a key or a user. Each may have at most `share`."""

    def __init__(self, *, share: int) -> None:
        self.share = share
        self.taken = 0
        self._held: Counter[str] = Counter()

    def is_exhausted(self, holder: str) -> bool:
        """Return whether `holder` has its whole share."""
        return self._held[holder] >= self.share

    @contextmanager
    def acquire(self, holder: str) -> Iterator[ConnectionSlot]:
        """Hold a slot while the block runs."""
        slot = ConnectionSlot(self, holder)
        self.taken += 1
        self._held[holder] += 1
        try:
            yield slot
        finally:
            self.taken -= 1
            self.move(slot.holder, None)

    def move(self, old: str, new: str | None) -> None:
        """Count one slot of `old` for `new`."""
        self._held[old] -= 1
        if self._held[old] == 0:
            del self._held[old]
        if new is not None:
            self._held[new] += 1


def get_client_address(scope: Scope) -> str:
    """Return the holder for a request without a key."""
    client = scope.get("client")
    return f"address:{client[0] if client else 'unknown'}"


def build_limit_problem(status: int, who: str, share: int) -> Problem:
    """Build the error for a caller that has its whole share."""
    return Problem(
        status,
        "too_many_at_once",
        f"{who} has {share} requests, streams and sockets open, which is the limit",
        hint="close some, wait for Retry-After seconds, or raise COGO_GATEWAY_SHARE",
        headers={"Retry-After": "2"},
    )
