"""The parent of an MCP server's process: ends it, with all that it has started, when we end.

Run as `guard.py DESCRIPTOR COMMAND ...`. The descriptor is the end of a pipe of which the agent
has the other end: it is closed when the agent wants the server to end, and when the agent dies,
whatever the cause. A server that ignores the end of its input would otherwise outlive it.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

_TERM_SECONDS = 1.0


def main() -> None:
    """Run the command, and exit with its code."""
    lifeline, *command = sys.argv[1:]
    try:
        process = subprocess.Popen(command, process_group=0)  # noqa: S603 - the operator's command
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)  # or the server's pipes would stay open after its end
    os.dup2(nothing, 1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: _kill(process.pid))
    arguments = (int(lifeline), process.pid)
    threading.Thread(target=_watch, args=arguments, daemon=True).start()
    if hasattr(os, "waitid"):  # before the process is reaped, its number is not another's
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        _kill(process.pid)
    code = process.wait()
    if code < 0:
        with suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)  # SIGKILL has no other
        os.kill(os.getpid(), -code)
    os._exit(code)


def _watch(lifeline: int, group: int) -> None:
    while os.read(lifeline, 1024):
        pass
    with suppress(OSError):
        os.killpg(group, signal.SIGTERM)
    time.sleep(_TERM_SECONDS)
    _kill(group)


def _kill(group: int) -> None:
    with suppress(OSError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
