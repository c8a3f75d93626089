"""Freezing Postgres: its processes stop, and its connections stay open without a response."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


class Freezer:
    """Stops the processes of a postmaster for some time."""

    def __init__(self, postmaster: Callable[[], int]) -> None:
        """`postmaster` returns the process id, which changes if Postgres restarts."""
        self._postmaster = postmaster
        self._frozen: list[int] = []
        self._thaw: asyncio.TimerHandle | None = None

    def freeze(self, seconds: float) -> None:
        """Stop all processes of Postgres, and continue them after so many seconds."""
        self.thaw()
        postmaster = self._postmaster()
        # The postmaster first, so that it starts no child while they are listed.
        self._stop(postmaster)
        for child in _list_children(postmaster):
            self._stop(child)
        self._thaw = asyncio.get_running_loop().call_later(seconds, self.thaw)

    def thaw(self) -> None:
        """Continue all stopped processes."""
        if self._thaw:
            self._thaw.cancel()
        for pid in self._frozen:
            _send(pid, signal.SIGCONT)
        self._frozen.clear()

    def _stop(self, pid: int) -> None:
        _send(pid, signal.SIGSTOP)
        self._frozen.append(pid)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _list_children(parent: int) -> list[int]:
    """Return the children, since each backend of Postgres leads its own process group."""
    return [pid for pid, above in _list_processes() if above == parent]


def _list_processes() -> list[tuple[int, int]]:
    """Return the ids of all processes and their parents."""
    if sys.platform != "linux":
        answer = subprocess.run(
            ["/bin/ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False
        )
        return [(int(line.split()[0]), int(line.split()[1])) for line in answer.stdout.splitlines()]
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        # Processes may end meanwhile; the name in parentheses may contain anything.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = status.read_text().rpartition(")")[2].split()
            found.append((int(status.parent.name), int(fields[1])))
    return found
