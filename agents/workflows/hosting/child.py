"""Modules of users with workflows, run as a program that answers lines of JSON.

A request is `{"load": module}` or `{"advance": type, "task", "record", "seconds"}` with an `id`,
and its answer `{"id", "is_last", "answer"}`. Whatever a module prints goes to stderr.
"""

import atexit
import contextlib
import gc
import os
import resource
import signal
import sys

MEMORY_BYTES = 2 << 30
"""Address space of the process. Most of it is reserved and never used."""


def main() -> None:
    """Answer requests from stdin until it is closed. Arguments: the folders to import from."""
    ours, *folders = sys.argv[1:]
    if ours not in sys.path:
        sys.path.insert(0, ours)
    sys.path += folders  # at the end, so that they replace nothing of ours
    atexit.register(gc.freeze)  # or the interpreter searches all objects for garbage as it ends
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    with contextlib.suppress(ValueError):  # some systems do not support memory limits
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Imported late, because only now the folder of the packages is known.
    from agents.workflows.hosting.worker import Worker  # noqa: PLC0415

    worker = Worker(max_bytes=limit // 2)
    process = os.getpid()
    for line in sys.stdin.buffer:
        answer = worker.answer(line)
        signal.setitimer(signal.ITIMER_PROF, 0)
        if os.getpid() != process:  # a module has forked, and this is the copy
            os._exit(0)
        answers.write(answer + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
