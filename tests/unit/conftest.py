"""The check that no unit test lets real time pass."""

import asyncio
import selectors
from collections.abc import Callable, Generator, Mapping
from typing import Final

import pytest

MAX_WAITED_SECONDS: Final = 1.0
POLL_SECONDS: Final = 0.05
"""Shorter waits are polls, of which there are more on a slower machine."""


class _CountingSelector(selectors.DefaultSelector):
    """Adds up the timers that ran to their end; what came earlier was not waited for in vain."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait as usual."""
        ready = super().select(timeout)
        if timeout is not None and timeout > POLL_SECONDS and not ready:
            _CountingSelector.waited += timeout
        return ready


def _open_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(_CountingSelector())


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run tests on a loop that counts."""
    return {"counting": _open_loop}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Fail a test that has waited for too long."""
    _CountingSelector.waited = 0.0
    yield
    if _CountingSelector.waited > MAX_WAITED_SECONDS:
        pytest.fail(f"waited {_CountingSelector.waited:.1f} s for time to pass", pytrace=False)
