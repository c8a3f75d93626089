"""A process as its supervisor sees it, and who may give one instead of starting it."""

import asyncio
from collections.abc import Sequence
from typing import Protocol


class Input(Protocol):
    """Where a process's standard input is written."""

    def write(self, data: bytes, /) -> None:
        """Write, now or soon."""


class Process(Protocol):
    """What a child is made of: `asyncio.subprocess.Process` is one."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def returncode(self) -> int | None:
        """Its exit code, or the negative number of a signal; None while it runs."""

    @property
    def stdin(self) -> Input | None:
        """Our end of its standard input."""

    @property
    def stdout(self) -> asyncio.StreamReader | None:
        """Our end of its standard output."""

    async def wait(self) -> int:
        """Wait until it has ended; give its exit code."""

    def send_signal(self, signal: int, /) -> None:
        """Send a signal."""


class Forked(Process, Protocol):
    """A process whose streams are closed by whoever has it."""

    def close(self) -> None:
        """Let go of its streams."""


class Forker(Protocol):
    """Gives processes that have their imports done."""

    async def fork(self, arguments: Sequence[str], errors: int | None) -> Forked | None:
        """Give a process with these arguments and standard error; None: start one instead."""
