"""Signals to the claim loop: look for work now, or stop claiming."""

import asyncio
import random
from datetime import timedelta
from typing import Final

from protocol.backoff import compute_backoff

SOON_SECONDS: Final = 0.05


class Drain:
    """The first phase of stopping: claim nothing more, and let attempts finish.

    The second phase is cancelling the agent's task.
    """

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    def begin(self) -> None:
        """Stop claiming; attempts in flight get the grace period. May be repeated."""
        self.begun.set()


class Wakeup:
    """A notification with a poll interval as fallback.

    The interval is short after work was found and doubles while none is found, up to `idle`, which
    is the maximum delay after a lost notification. `notify` may be called from the loop's
    callbacks, any number of times.
    """

    def __init__(self, *, busy: timedelta, idle: timedelta, jitter: random.Random) -> None:
        self._bell = asyncio.Event()
        self._busy = busy.total_seconds()
        self._idle = idle.total_seconds()
        self._quiet_polls = 0
        self._jitter = jitter
        self._soon: asyncio.TimerHandle | None = None

    def notify(self) -> None:
        """Wake the waiter, or let the next wait return at once."""
        self._bell.set()

    def notify_soon(self) -> None:
        """Notify after a short delay, once for all calls until then."""
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(SOON_SECONDS, self.notify)

    def reset_interval(self) -> None:
        """Poll at the short interval again, because more work may follow."""
        self._quiet_polls = 0

    async def wait(self) -> None:
        """Return at the next notification or after the interval, varied by up to 20 %."""
        interval = compute_backoff(self._quiet_polls + 1, first=self._busy, longest=self._idle)
        try:
            async with asyncio.timeout(interval * self._jitter.uniform(0.8, 1.2)):
                await self._bell.wait()
        except TimeoutError:
            self._quiet_polls += 1
        self._bell.clear()
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
