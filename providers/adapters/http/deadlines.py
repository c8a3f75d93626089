"""Deadlines of one call: first token, stall, total."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Self, TypeVar

from providers.adapters.base import Timeouts
from providers.errors import TimedOut, TimeoutPhase

T = TypeVar("T")


class Deadlines:
    """Limits every wait of one call, one at a time. Enter it when the call begins.

    A stream waits for each of its chunks and rarely times out, so all waits share one timer, which
    is set again if it fires early; `asyncio.timeout` would create one for each chunk.
    """

    def __init__(self, vendor: str, timeouts: Timeouts, *, stream: bool = True) -> None:
        """Start the clock; without `stream` only the total timeout applies."""
        self._vendor = vendor
        self._loop = asyncio.get_running_loop()
        self._timeouts = timeouts
        begun = self._loop.time()
        self._end_by = begun + timeouts.total.total_seconds()
        first_by = begun + timeouts.first_token.total_seconds()
        self._first_by = min(first_by, self._end_by) if stream else self._end_by
        self._stall = timeouts.stall.total_seconds()
        self._has_token = False
        self._timer: asyncio.TimerHandle | None = None
        self._by = 0.0
        """Deadline of the current wait."""
        self._waiting: asyncio.Task[Any] | None = None
        self._late = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def mark_first_token(self) -> None:
        """Switch from the first token's timeout to the stall timeout."""
        self._has_token = True

    async def wait(self, step: Awaitable[T]) -> T:
        """Wait for one step of the call.

        Raises:
            TimedOut: the step was cancelled because the nearest deadline passed.
        """
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("a call must run in a task")
        self._by = self._get_deadline()
        if self._timer is None or self._by < self._timer.when():
            self._set_timer()
        cancelled_before = task.cancelling()
        self._waiting, self._late = task, False
        try:
            return await step
        except asyncio.CancelledError as error:
            # A cancellation from elsewhere, at the same moment or before, takes precedence.
            if self._late and task.cancelling() - 1 <= cancelled_before:
                raise self._build_error() from error
            raise
        finally:
            self._waiting = None
            if self._late:
                task.uncancel()

    def _get_deadline(self) -> float:
        if not self._has_token:
            return self._first_by
        return min(self._loop.time() + self._stall, self._end_by)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._by, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiting is None:
            return  # the next wait sets it again
        if self._loop.time() < self._by:
            self._set_timer()
        else:
            self._late = True
            self._waiting.cancel()

    def _build_error(self) -> TimedOut:
        if self._by == self._end_by:
            return TimedOut(self._vendor, TimeoutPhase.TOTAL, self._timeouts.total)
        if self._has_token:
            return TimedOut(self._vendor, TimeoutPhase.STALL, self._timeouts.stall)
        return TimedOut(self._vendor, TimeoutPhase.FIRST_TOKEN, self._timeouts.first_token)
