"""The first request drains, the second cancels."""

import os
import signal

import pytest

from cogo.process.shutdown import Stop, stop_on_signals
from tests.support.eventually import eventually


def test_the_second_request_cancels() -> None:
    stop = Stop()

    stop.ask()
    assert stop.drain.is_set()
    assert not stop.cancel.is_set()

    stop.ask()
    assert stop.cancel.is_set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_each_signal_drains(number: signal.Signals) -> None:
    with stop_on_signals() as stop:
        os.kill(os.getpid(), number)

        await eventually(stop.drain.is_set, within=2)

    assert not stop.cancel.is_set()
