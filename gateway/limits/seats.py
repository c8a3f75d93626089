"""Seats: how many requests, streams and sockets are being served, and for whom."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Scope

from gateway.problems import Problem


class Seat:
    """The place of one request: its address's, until it is known who asks."""

    def __init__(self, seats: "Seats", holder: str) -> None:
        self.holder = holder
        self._seats = seats

    def give_to(self, holder: str) -> None:
        """Count the request for `holder`. Raises Problem (429) when that one has too many."""
        if holder == self.holder:
            return
        if self._seats.is_crowded(holder):
            raise crowded(429, "this key or user", self._seats.share)
        self._seats.move(self.holder, holder)
        self.holder = holder


class Seats:
    """Counts who holds how many. Nobody may hold more than a share."""

    def __init__(self, *, share: int) -> None:
        self.share = share
        self.taken = 0
        self._held: Counter[str] = Counter()

    def is_crowded(self, holder: str) -> bool:
        """Return whether `holder` has its whole share."""
        return self._held[holder] >= self.share

    @contextmanager
    def take(self, holder: str) -> Iterator[Seat]:
        """Hold a seat while the block runs."""
        seat = Seat(self, holder)
        self.taken += 1
        self._held[holder] += 1
        try:
            yield seat
        finally:
            self.taken -= 1
            self.move(seat.holder, None)

    def move(self, old: str, new: str | None) -> None:
        """Count for `new` what was counted for `old`."""
        self._held[old] -= 1
        if self._held[old] == 0:
            del self._held[old]
        if new is not None:
            self._held[new] += 1


def client_address(scope: Scope) -> str:
    """Return who a request without a key is counted for."""
    client = scope.get("client")
    return f"address:{client[0] if client else 'nowhere'}"


def crowded(status: int, who: str, share: int) -> Problem:
    """Make the answer to somebody who holds a whole share."""
    return Problem(
        status,
        "too_many_at_once",
        f"{who} has {share} requests, streams and sockets open, and may have no more",
        hint="close some, or wait as Retry-After says; COGO_GATEWAY_SHARE allows more",
        headers={"Retry-After": "2"},
    )
