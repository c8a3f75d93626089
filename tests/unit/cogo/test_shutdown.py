"""The first request drains, the second cancels."""

import os
import signal

import pytest

from cogo.process.shutdown import Shutdown, shut_down_on_signals
from tests.support.eventually import eventually


def test_the_second_request_cancels() -> None:
    shutdown = Shutdown()

    shutdown.request()
    assert shutdown.drain.is_set()
    assert not shutdown.cancel.is_set()

    shutdown.request()
    assert shutdown.cancel.is_set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_each_signal_drains(number: signal.Signals) -> None:
    with shut_down_on_signals() as shutdown:
        os.kill(os.getpid(), number)

        await eventually(shutdown.drain.is_set, within=2)

    assert not shutdown.cancel.is_set()
