"""How often something happens, as a mean over a window. Pure."""

from collections import deque
from collections.abc import Callable
from typing import Final

_BUCKETS: Final = 10


class Rate:
    """Counts for the whole server; knows no limit when it is given none."""

    def __init__(
        self, most_per_second: float | None, *, window_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._most = None if most_per_second is None else most_per_second * window_seconds
        self._window_seconds = window_seconds
        self._clock = clock
        self._buckets: deque[tuple[int, int]] = deque()
        """Their numbers in time, and how much was counted in each."""

    def count(self, times: int = 1) -> bool:
        """Count something that happens now; False when that is too much, and is not counted."""
        if self._most is None:
            return True
        bucket = int(self._clock() / self._window_seconds * _BUCKETS)
        while self._buckets and self._buckets[0][0] <= bucket - _BUCKETS:
            self._buckets.popleft()
        if sum(counted for _, counted in self._buckets) + times > self._most:
            return False
        if self._buckets and self._buckets[-1][0] == bucket:
            times += self._buckets.pop()[1]
        self._buckets.append((bucket, times))
        return True
