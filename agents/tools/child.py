"""Modules of users with tools, run as a program that answers lines of JSON.

A request is `{"load": module}` or `{"call": name, "module", "arguments"}`. Whatever a tool prints
goes to stderr. It ends, with all processes that tools have started, when its stdin is closed: also
in the middle of a call, since another agent may do that again.
"""

import os
import signal
import sys
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO


def main() -> None:
    """Answer requests from stdin. Arguments: the folders to import from."""
    ours, *folders = sys.argv[1:]
    if ours not in sys.path:
        sys.path.insert(0, ours)
    sys.path += folders  # at the end, so that they replace nothing of ours
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # programs that tools start must not read requests
    os.dup2(2, 1)
    lines: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_read, args=(requests, lines), daemon=True).start()
    # Imported late, because only now the folder of the packages is known.
    from agents.tools.worker import ToolWorker  # noqa: PLC0415

    worker = ToolWorker()
    process = os.getpid()
    while True:
        answer = worker.answer(lines.get())
        if os.getpid() != process:  # a tool has forked, and this is the copy
            os._exit(0)
        answers.write(answer + b"\n")
        answers.flush()


def _read(requests: BinaryIO, lines: "SimpleQueue[bytes]") -> None:
    for line in requests:
        lines.put(line)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
