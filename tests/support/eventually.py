"""Wait for a condition with a deadline, instead of sleeping for a guess; find what never ends."""

import asyncio
import inspect
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, TypeVar, overload

_T = TypeVar("_T")

_PATIENCE = 4
"""A busy machine is slower than the test's author thought; only a test that fails waits for it."""
HANGS_AFTER_SECONDS: Final = 60
"""Some hundred times what the linear work of a test takes, and less than its square would."""


@overload
async def eventually(
    probe: Callable[[], Awaitable[_T]], *, within: float = ..., every: float = ...
) -> _T: ...


@overload
async def eventually(probe: Callable[[], _T], *, within: float = ..., every: float = ...) -> _T: ...


async def eventually(probe: Callable[[], Any], *, within: float = 10.0, every: float = 0.02) -> Any:
    """Poll `probe` until it gives a true value; return that value.

    Raises AssertionError with the last value when `within` seconds of an idle machine have passed.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within * _PATIENCE
    while True:
        answer = probe()
        value = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
        if loop.time() > deadline:
            raise AssertionError(f"not within {within * _PATIENCE} s; the last value was {value!r}")
        await asyncio.sleep(every)


@contextmanager
def fail_on_hang() -> Iterator[None]:
    """Interrupt the block, also in a regular expression, when it does not come to an end."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError("this hangs: some work grows with the square of the input")

    before = signal.signal(signal.SIGVTALRM, interrupt)
    signal.setitimer(signal.ITIMER_VIRTUAL, HANGS_AFTER_SECONDS)  # of this process, not of others
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
