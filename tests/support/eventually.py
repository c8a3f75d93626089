"""Wait for a condition with a deadline, instead of sleeping for a guess."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

_T = TypeVar("_T")

_PATIENCE = 4
"""A busy machine is slower than the test's author thought; only a test that fails waits for it."""


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
