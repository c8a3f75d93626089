"""Detection of the parent process's death, whatever its cause.

`python -m cogo.process.parent_watch MODULE ...` runs a module that stops with its parent.

The standard input of a child of `cogo up` is a pipe from its parent, which the kernel closes when
the parent ends. An agent first reads one line from it, its bootstrap; nothing else is sent.
"""

import os
import runpy
import signal
import sys
import threading
from typing import Final

_STDIN: Final = 0


def watch_parent() -> None:
    """Send this process SIGTERM and SIGINT when its standard input ends.

    A process that drains at the first signal is cancelled by the second, since no parent is left to
    wait for a drain.
    """

    def wait() -> None:
        # The descriptor itself, as the interpreter cannot exit while `sys.stdin` is locked.
        while os.read(_STDIN, 4096):
            pass
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)

    # A thread, so that a blocked event loop does not matter.
    threading.Thread(target=wait, name="parent watch", daemon=True).start()


def main() -> None:
    """Watch the parent, then run the module that the first argument names."""
    watch_parent()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
