"""The tether: a child process learns that its parent is gone, however it went.

Its standard input is a pipe from the parent. An agent first reads one line from it, the
greeting; after that nothing comes but the end of the file, which means that the parent is gone.
On Linux the kernel also sends SIGTERM at once.
"""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def read_greeting() -> str:
    """Wait for the parent's line; empty when the parent went away first."""
    return sys.stdin.readline()


def hold_tether(on_parent_gone: Callable[[], None]) -> None:
    """Call `on_parent_gone`, from a thread of its own, when the parent is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        on_parent_gone()

    # A thread, since the loop must not be needed to notice; daemon, since it ends with the pipe.
    threading.Thread(target=watch, name="tether", daemon=True).start()
