"""An adopted process: forked by the nursery, and our child all the same."""

import asyncio
import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self

_PR_SET_CHILD_SUBREAPER: Final = 36


def can_adopt() -> bool:
    """Whether this system has what it takes: child subreapers and process descriptors."""
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:  # a sandbox, or Linux before 5.3
        return False
    return True


@contextmanager
def adopting() -> Iterator[None]:
    """Become the parent of what loses its parent below us while the block runs.

    No longer: what a dead process of ours left behind is for init to wait for.
    """
    library = ctypes.CDLL(None)
    library.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        library.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


class Pipes:
    """Our ends of a process's standard streams, and its own until they are handed over."""

    def __init__(self) -> None:
        self.stdout: Final = asyncio.StreamReader()
        self.stdin: asyncio.WriteTransport
        self.theirs: tuple[int, int]
        """Its standard input and output."""
        self._reading: asyncio.ReadTransport

    @classmethod
    async def open(cls) -> Self:
        """Open both."""
        self = cls()
        loop = asyncio.get_running_loop()
        their_input, ours = os.pipe()
        self.stdin, _ = await loop.connect_write_pipe(
            asyncio.BaseProtocol, os.fdopen(ours, "wb", 0)
        )
        ours, their_output = os.pipe()
        self._reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self.stdout), os.fdopen(ours, "rb", 0)
        )
        self.theirs = (their_input, their_output)
        return self

    def close_theirs(self) -> None:
        """Let go of the process's ends: it holds them, or there is no process."""
        for descriptor in self.theirs:
            os.close(descriptor)

    def close(self) -> None:
        """Let go of ours."""
        self.stdin.close()
        self._reading.close()


class Adopted:
    """A child process with what Child wants of `asyncio.subprocess.Process`.

    Raises ChildProcessError when `pid` is not our child. Close it when it has ended.
    """

    def __init__(self, pid: int, pipes: Pipes) -> None:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        self.pid: Final = pid
        self.stdin: Final = pipes.stdin
        self.stdout: Final = pipes.stdout
        self.returncode: int | None = None
        self._pipes = pipes
        self._ended = asyncio.Event()
        self._descriptor = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._reap)

    async def wait(self) -> int:
        """Wait until it has ended; give its exit code, or the negative number of a signal."""
        await self._ended.wait()
        assert self.returncode is not None  # noqa: S101 - it has ended
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended: its id may be another's by now."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def close(self) -> None:
        """Let go of its streams."""
        self._pipes.close()

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()
