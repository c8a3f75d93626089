"""The deadlines of one call: first token, silence, total."""

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import Any, Self, TypeVar

from providers.adapters.base import Timeouts
from providers.errors import TimedOut, TimeoutPhase

__all__ = ["Deadlines"]

T = TypeVar("T")


class Deadlines:
    """Bounds every wait of one call, one wait at a time. Enter it when the call begins.

    A stream waits for each of its pieces and hardly ever too long, so all its waits share one
    timer, which is set again when it rings early; `asyncio.timeout` would make one for each piece.
    """

    def __init__(self, vendor: str, timeouts: Timeouts, *, whole: bool = False) -> None:
        """With `whole` nothing is heard before the end: only the total counts."""
        self._vendor = vendor
        self._loop = asyncio.get_running_loop()
        self._timeouts = timeouts
        begun = self._loop.time()
        self._end_by = begun + timeouts.total.total_seconds()
        first_by = begun + timeouts.first_token.total_seconds()
        self._first_by = self._end_by if whole else min(first_by, self._end_by)
        self._stall = timeouts.stall.total_seconds()
        self._talking = False
        self._timer: asyncio.TimerHandle | None = None
        self._by = 0.0
        """The deadline of the wait that goes on."""
        self._waiting: asyncio.Task[Any] | None = None
        self._late = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def first_token(self) -> None:
        """The model has begun to answer: from now on silence is what is bounded."""
        self._talking = True

    async def wait(self, step: Awaitable[T]) -> T:
        """Await one step of the call.

        Raises:
            TimedOut: the step was cancelled because the nearest deadline passed.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call is waited for in a task")
        self._by = self._nearest()
        if self._timer is None or self._by < self._timer.when():
            self._set_timer()
        cancelled_before = task.cancelling()
        self._waiting, self._late = task, False
        try:
            return await step
        except asyncio.CancelledError as error:
            # Somebody else's cancellation, at the same moment or before, goes first.
            if self._late and task.cancelling() - 1 <= cancelled_before:
                raise self._timed_out() from error
            raise
        finally:
            self._waiting = None
            if self._late:
                task.uncancel()

    def _nearest(self) -> float:
        if not self._talking:
            return self._first_by
        return min(self._loop.time() + self._stall, self._end_by)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._by, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiting is None:
            return  # the next wait sets it
        if self._loop.time() < self._by:
            self._set_timer()
        else:
            self._late = True
            self._waiting.cancel()

    def _timed_out(self) -> TimedOut:
        if self._by == self._end_by:
            return TimedOut(self._vendor, TimeoutPhase.TOTAL, self._timeouts.total)
        if self._talking:
            return TimedOut(self._vendor, TimeoutPhase.STALL, self._timeouts.stall)
        return TimedOut(self._vendor, TimeoutPhase.FIRST_TOKEN, self._timeouts.first_token)
