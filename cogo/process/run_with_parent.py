"""`python -m cogo.process.run_with_parent MODULE ...`: runs a module that stops with its parent.

An argument that is READY_FD becomes the number of a descriptor to which the module may write, and
which it may close: it leads to standard output, where the parent waits for a line.
"""

import os
import runpy
import signal
import sys
from typing import Final

from cogo.process.parent_watch import hold_tether

READY_FD: Final = "@ready-fd"


def main() -> None:
    """Hold the tether, then become the module that the first argument names."""
    hold_tether(lambda: os.kill(os.getpid(), signal.SIGTERM))
    sys.argv = [_resolved(argument) for argument in sys.argv[1:]]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _resolved(argument: str) -> str:
    # A duplicate, since closing descriptor 1 itself would give its number to the next socket.
    return str(os.dup(sys.stdout.fileno())) if argument == READY_FD else argument


if __name__ == "__main__":
    main()
