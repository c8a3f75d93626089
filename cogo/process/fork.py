"""Running one of our modules in a fork of this process, which shares the memory of its imports."""

import asyncio
import gc
import os
import resource
import runpy
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

IS_FORKABLE: Final = sys.platform == "linux"
"""Elsewhere the system's own libraries do not work in a fork; processes are started anew there."""

_FIRST: Final = 3
"""The first descriptor after the standard streams."""
_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
_ARGUMENTS: Final = slice(45, 47)
"""Where the command line begins and ends in memory, among the fields of proc_pid_stat(5) that
follow the program's name."""


def build_fork(module: str, *arguments: str) -> Callable[[], NoReturn]:
    """Return a `preexec_fn` of `subprocess` that runs a module in place of a program.

    The process is as if started by `python -P -m MODULE ARGUMENTS`, but its modules are those of
    this one. Call it in the task that starts the process, while no other thread is busy: a lock
    that a thread holds during the fork is never released in the child.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def run() -> NoReturn:
        code = 1
        try:
            if task is not None:
                asyncio._leave_task(loop, task)
            asyncio._set_running_loop(None)
            _reset_process(module, arguments)
            # As `__main__` it would be found among the modules, of which runpy warns.
            sys.modules.pop(f"{module}.__main__", None)
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            if isinstance(end.code, str):  # as the interpreter does
                sys.stderr.write(f"{end.code}\n")
        except BaseException:  # noqa: BLE001 - nothing is above: errors become an exit code
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(code)  # the functions of `atexit` are the parent's

    return run


def _reset_process(module: str, arguments: tuple[str, ...]) -> None:
    """Leave what a new process would not have: descriptors, signal handlers, paths, names."""
    # First, since the parent waits until the last of them is closed.
    os.closerange(_FIRST, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    gc.enable()  # `subprocess` has disabled it
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    sys.argv = [module, *arguments]
    if not sys.flags.safe_path:
        del sys.path[0]
    write_title((module, *arguments))


def write_title(words: tuple[str, ...]) -> None:
    """Write the command line that `ps` shows; it is cut off at the length of the parent's."""
    try:
        stat = Path("/proc/self/stat").read_text("utf-8").rpartition(")")[2].split()
        begin, end = map(int, stat[_ARGUMENTS])
        title = "\0".join(words).encode()[: end - begin - 1]
        with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
            memory.seek(begin)
            memory.write(title.ljust(end - begin, b"\0"))
    except OSError:
        return  # a kernel that does not allow it; only the name is missing
