"""Limits of clients, and the limiter of rates."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_BUCKETS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeLimits:
    """Limits; the defaults are those of a hosted project, unless noted otherwise."""

    channels_per_socket: int = 100
    payload_bytes: int = 3_000_500
    """Per message; larger ones are dropped."""
    joins_per_second: float | None = None
    """Of all sockets together. Hosted: 100; here many agents may start at once."""
    messages_per_second: float | None = None
    """Sent by all clients together. Hosted: 100 or more, by plan."""
    rate_window_seconds: float = 10.0
    """Rates are means over this time. Hosted: 60."""
    presence_calls: int = 5
    presence_window_seconds: float = 30.0
    idle_seconds: float = 60.0
    """Time without a frame from the client, not counting websocket pings."""
    refusal_seconds: float = 0.5
    """Delay of a refusal, against retry loops. Hosted: 5 s, and 2 s for a socket."""
    queued_frames: int = 10_000
    """Waiting for one socket; a client that is further behind is disconnected."""
    queued_bytes: int = 32_000_000
    recheck_seconds: float = 5.0
    """How often users' rights to private channels are checked again. Hosted: with a new token."""


HOSTED: Final = RealtimeLimits(
    joins_per_second=100, messages_per_second=100, rate_window_seconds=60, refusal_seconds=5
)
"""Limits of the Free plan, https://supabase.com/docs/guides/realtime/limits."""


class SlidingWindowLimiter:
    """Limits the mean rate over a sliding window; without a maximum it allows everything."""

    def __init__(
        self, max_per_second: float | None, *, window_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._max = None if max_per_second is None else max_per_second * window_seconds
        self._window_seconds = window_seconds
        self._clock = clock
        self._buckets: deque[tuple[int, int]] = deque()
        """Numbers of the buckets, and their counts."""

    def allow(self, times: int = 1) -> bool:
        """Count events that happen now; return False, without counting, if they exceed the rate."""
        if self._max is None:
            return True
        bucket = int(self._clock() / self._window_seconds * _BUCKETS)
        while self._buckets and self._buckets[0][0] <= bucket - _BUCKETS:
            self._buckets.popleft()
        if sum(counted for _, counted in self._buckets) + times > self._max:
            return False
        if self._buckets and self._buckets[-1][0] == bucket:
            times += self._buckets.pop()[1]
        self._buckets.append((bucket, times))
        return True
