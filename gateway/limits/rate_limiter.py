"""Request rates: one token bucket for each caller."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MAX_CALLERS: Final = 10_000
"""Beyond this the least recently used bucket is dropped; a new bucket starts full."""


@dataclass(frozen=True, slots=True)
class RequestRate:
    """What one caller may still request."""

    limit: int
    """Requests per minute."""
    remaining: int
    reset_seconds: float
    """Until all of them are available again."""

    def to_headers(self) -> dict[str, str]:
        """Return the headers that OpenAI's clients read."""
        return {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(self.remaining),
            "x-ratelimit-reset-requests": f"{self.reset_seconds:.3f}s",
        }


class RequestRateLimiter:
    """Token buckets that hold one minute's requests. Not shared between processes."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def acquire(self, caller: str) -> float | None:
        """Take one token; return None, or the seconds until one is available."""
        now = self._clock()
        left = self._count_left(caller, now)
        self._buckets.pop(caller, None)  # it is inserted anew, as the last used
        allowed = left >= 1
        self._buckets[caller] = (left - 1 if allowed else left, now)
        if len(self._buckets) > MAX_CALLERS:
            del self._buckets[next(iter(self._buckets))]
        return None if allowed else (1 - left) * 60 / self._per_minute

    def read(self, caller: str) -> RequestRate:
        """Return what a caller may still request, without counting a request."""
        left = self._count_left(caller, self._clock())
        missing = self._per_minute - left
        return RequestRate(self._per_minute, int(left), missing * 60 / self._per_minute)

    def _count_left(self, caller: str, now: float) -> float:
        left, since = self._buckets.get(caller, (float(self._per_minute), now))
        return min(self._per_minute, left + (now - since) * self._per_minute / 60)
