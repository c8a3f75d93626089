"""Retry with exponential backoff."""

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def retry(
    *,
    attempts: int = 3,
    base_seconds: float = 0.5,
    max_seconds: float = 30.0,
    on: tuple[type[Exception], ...] = (Exception,),
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[float, float], float] = random.uniform,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function try again when it raises one of `on`.

    Waits a random time between 0 and base_seconds * 2**n (full jitter), never more than
    max_seconds. The last error is raised unchanged. Only for functions that may run twice.
    """
    if attempts < 1:
        raise ValueError(f"attempts must be at least 1, got {attempts}")

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            for attempt in range(attempts - 1):
                try:
                    return function(*args, **kwargs)
                except on:
                    ceiling = min(max_seconds, base_seconds * 2**attempt)
                    sleep(jitter(0, ceiling))
            return function(*args, **kwargs)

        return wrapper

    return decorate
