"""Freezing Postgres: no process of it runs, every connection stays open and silent."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self


class Freezer:
    """Stops the processes of a postmaster for a while; at the end of the context they run."""

    def __init__(self, postmaster: Callable[[], int]) -> None:
        """`postmaster` gives the process id, which changes when Postgres is started again."""
        self._postmaster = postmaster
        self._frozen: list[int] = []
        self._thaw: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Or Postgres could not even be stopped.
        self.thaw()

    def freeze(self, seconds: float) -> None:
        """Stop every process of Postgres now, and let them run on after so many seconds."""
        self.thaw()
        postmaster = self._postmaster()
        # The postmaster first, or it would start a new child while we count them.
        self._stop(postmaster)
        for child in _children(postmaster):
            self._stop(child)
        self._thaw = asyncio.get_running_loop().call_later(seconds, self.thaw)

    def thaw(self) -> None:
        """Let everything run on."""
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


def _children(parent: int) -> list[int]:
    """The children, not the process group: each backend of Postgres leads a group of its own."""
    return [pid for pid, above in _processes() if above == parent]


def _processes() -> list[tuple[int, int]]:
    """Every process with its parent."""
    if sys.platform != "linux":
        answer = subprocess.run(
            ["/bin/ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False
        )
        return [(int(line.split()[0]), int(line.split()[1])) for line in answer.stdout.splitlines()]
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        # Processes come and go while we look; the name between the brackets may hold anything.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = status.read_text().rpartition(")")[2].split()
            found.append((int(status.parent.name), int(fields[1])))
    return found
