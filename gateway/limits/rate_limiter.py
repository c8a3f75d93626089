"""Request rates: one token bucket for each caller."""

from collections.abc import Callable
from typing import Final

MAX_CALLERS: Final = 10_000
"""Beyond this the least recently used bucket is dropped; a new bucket starts full."""


class RequestRateLimiter:
    """Token buckets that hold one minute's requests. Not shared between processes."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def acquire(self, caller: str) -> float | None:
        """Take one token; return None, or the seconds until one is available."""
        now = self._clock()
        left, since = self._buckets.pop(caller, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - since) * self._per_minute / 60)
        allowed = left >= 1
        self._buckets[caller] = (left - 1 if allowed else left, now)
        if len(self._buckets) > MAX_CALLERS:
            del self._buckets[next(iter(self._buckets))]
        return None if allowed else (1 - left) * 60 / self._per_minute
