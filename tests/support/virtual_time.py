"""An event loop whose clock jumps to the next timer."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import ParamSpec

_P = ParamSpec("_P")


class _Jumping(selectors.DefaultSelector):
    """A selector that lets time jump instead of waiting for a timer."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, and wait only when there is no timer."""
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.now += max(timeout, 0)
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Jumping()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def in_virtual_time(test: Callable[_P, Coroutine[None, None, None]]) -> Callable[_P, None]:
    """Run the test on such a loop. For code that waits on timers alone: no threads, no sockets."""

    @wraps(test)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(test(*args, **kwargs))

    # What `wraps` leaves behind would make pytest take it for a coroutine function.
    del run.__wrapped__
    return run
