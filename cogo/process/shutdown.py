"""Stopping in two phases: the first signal drains, the second cancels."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A closed terminal (SIGHUP) is like Ctrl-C."""


class Stop:
    """Whether this process was asked to stop, and how urgently."""

    def __init__(self) -> None:
        self.drain = asyncio.Event()
        """Take nothing new; finish what runs."""
        self.cancel = asyncio.Event()
        """Give back what runs; end now."""

    def ask(self) -> None:
        """Drain; cancel when asked a second time."""
        if self.drain.is_set():
            self.cancel.set()
        self.drain.set()

    def insist(self) -> None:
        """Cancel at once: whoever could wait for a drain is gone."""
        self.drain.set()
        self.cancel.set()


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Turn SIGINT, SIGTERM and SIGHUP into a Stop while the block runs."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.ask)
    try:
        yield stop
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
