"""Shutdown in two phases: the first request drains, the second cancels."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A closed terminal (SIGHUP) is like Ctrl-C."""


class Shutdown:
    """How far the shutdown of this process has been requested."""

    def __init__(self) -> None:
        self.drain = asyncio.Event()
        """Start no new work; finish running work."""
        self.cancel = asyncio.Event()
        """Release running work and end now."""

    def request(self) -> None:
        """Drain; cancel at the second request."""
        if self.drain.is_set():
            self.cancel.set()
        self.drain.set()


@contextmanager
def shut_down_on_signals() -> Iterator[Shutdown]:
    """Treat SIGINT, SIGTERM and SIGHUP as requests while the block runs."""
    shutdown = Shutdown()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, shutdown.request)
    try:
        yield shutdown
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
