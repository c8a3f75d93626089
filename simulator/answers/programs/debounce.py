"""Debounce: call once, after the calls have stopped."""

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")


def debounce(wait_seconds: float) -> Callable[[Callable[P, object]], Callable[P, None]]:
    """Run the function `wait_seconds` after its last call, with the arguments of that call.

    Each new call within that time restarts the wait. The function runs on a timer thread and
    its result is dropped.
    """
    if wait_seconds < 0:
        raise ValueError(f"wait_seconds must not be negative, got {wait_seconds}")

    def decorate(function: Callable[P, object]) -> Callable[P, None]:
        lock = threading.Lock()
        pending: threading.Timer | None = None

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
            nonlocal pending
            with lock:
                if pending is not None:
                    pending.cancel()
                pending = threading.Timer(wait_seconds, function, args, kwargs)
                pending.daemon = True
                pending.start()

        return wrapper

    return decorate
