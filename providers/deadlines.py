"""The deadlines of one call: first token, silence, total."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

from providers.adapter import Timeouts
from providers.errors import TimedOut, TimeoutPhase

__all__ = ["Deadlines"]

T = TypeVar("T")


class Deadlines:
    """Bounds every wait of one call. Make it when the call begins."""

    def __init__(self, vendor: str, timeouts: Timeouts, *, whole: bool = False) -> None:
        """With `whole` nothing is heard before the end: only the total counts."""
        self._vendor = vendor
        self._loop = asyncio.get_running_loop()
        self._timeouts = timeouts
        begun = self._loop.time()
        self._end_by = begun + timeouts.total.total_seconds()
        first_by = begun + timeouts.first_token.total_seconds()
        self._first_by = self._end_by if whole else first_by
        self._stall = timeouts.stall.total_seconds()
        self._talking = False

    def first_token(self) -> None:
        """The model has begun to answer: from now on silence is what is bounded."""
        self._talking = True

    async def wait(self, step: Awaitable[T]) -> T:
        """Await one step of the call.

        Raises:
            TimedOut: the step was cancelled because the nearest deadline passed.
        """
        by, phase, waited = self._nearest()
        scope = asyncio.timeout_at(by)
        try:
            async with scope:
                return await step
        except TimeoutError as error:
            if not scope.expired():  # somebody else's, from inside the step
                raise
            raise TimedOut(self._vendor, phase, waited) from error

    def _nearest(self) -> tuple[float, TimeoutPhase, timedelta]:
        if self._talking:
            by = self._loop.time() + self._stall
            phase, waited = TimeoutPhase.STALL, self._timeouts.stall
        else:
            by, phase, waited = self._first_by, TimeoutPhase.FIRST_TOKEN, self._timeouts.first_token
        if self._end_by <= by:
            return self._end_by, TimeoutPhase.TOTAL, self._timeouts.total
        return by, phase, waited
