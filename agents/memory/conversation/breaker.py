"""A breaker for a server that is only a help: while it is away, it is asked seldom, and once."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

FIRST_PAUSE_SECONDS: Final = 2.0
LONGEST_PAUSE_SECONDS: Final = 60.0


@dataclass(slots=True)
class Breaker:
    """Opens at the first failure; the pauses double until one trial succeeds."""

    now: Callable[[], float] = time.monotonic
    _pause: float = 0.0
    _until: float = field(default=0.0)
    _is_trying: bool = False

    def may_try(self) -> bool:
        """Return whether to ask now; after a pause only one caller may."""
        if not self._pause:
            return True
        if self._is_trying or self.now() < self._until:
            return False
        self._is_trying = True
        return True

    def record_success(self) -> bool:
        """Close it; return whether it was open."""
        was_open = bool(self._pause)
        self._pause, self._is_trying = 0.0, False
        return was_open

    def record_failure(self) -> bool:
        """Open it, for longer than the last time; return whether it was closed."""
        was_closed = not self._pause
        if was_closed or self._is_trying:
            self._pause = min(max(self._pause * 2, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            self._until = self.now() + self._pause
        self._is_trying = False
        return was_closed

    def abandon_trial(self) -> None:
        """Allow another trial: the caller was cancelled before there was an answer."""
        self._is_trying = False
