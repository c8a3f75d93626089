"""Wait for a condition with a deadline, instead of sleeping for a guess."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

_T = TypeVar("_T")


@overload
async def eventually(
    probe: Callable[[], Awaitable[_T]], *, within: float = ..., every: float = ...
) -> _T: ...


@overload
async def eventually(probe: Callable[[], _T], *, within: float = ..., every: float = ...) -> _T: ...


async def eventually(probe: Callable[[], Any], *, within: float = 10.0, every: float = 0.02) -> Any:
    """Poll `probe` until it gives a true value; return that value.

    Raises AssertionError with the last value when `within` seconds have passed.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        answer = probe()
        value = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
        if loop.time() > deadline:
            raise AssertionError(f"not within {within} s; the last value was {value!r}")
        await asyncio.sleep(every)
