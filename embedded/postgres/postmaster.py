"""The postmaster of a data directory: finding and stopping it."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FAST_SHUTDOWN_SECONDS: Final = 15.0
IMMEDIATE_SHUTDOWN_SECONDS: Final = 5.0

_POLL_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The content of `postmaster.pid`.

    https://www.postgresql.org/docs/current/storage-file-layout.html
    """

    pid: int
    data: Path
    status: str

    @property
    def is_ready(self) -> bool:
        """True if it accepts connections."""
        return self.status == "ready"


def read_postmaster(data: Path) -> Postmaster | None:
    """Return the postmaster of a data directory, which may have ended, or None."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return Postmaster(
            pid=int(lines[0]),
            data=Path(lines[1]),
            status=lines[7].strip() if len(lines) > 7 else "starting",
        )
    except (FileNotFoundError, ValueError, IndexError):
        return None


def is_running(data: Path) -> bool:
    """Return whether a postmaster serves the data directory."""
    found = read_postmaster(data)
    return found is not None and is_serving(found.pid, data)


def is_serving(pid: int, data: Path) -> bool:
    """Return whether a process is a Postgres of this data directory, by its command line."""
    if sys.platform == "linux":
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            return False
    else:
        answer = subprocess.run(  # noqa: S603 - a number and constants
            ["/bin/ps", "-p", str(pid), "-o", "command="],
            capture_output=True,
            text=True,
            check=False,
        )
        command = answer.stdout
    return "postgres" in command and f"-D {data}" in command


async def stop_orphan(data: Path) -> None:
    """Stop the postmaster that a killed server left behind, and remove a stale pid file.

    The caller must hold the lock of the state directory. Another process with the same pid is
    left alone.
    """
    orphan = read_postmaster(data)
    if orphan is None:
        return
    if is_serving(orphan.pid, data):
        await stop_postmaster(orphan.pid, data)
    (data / "postmaster.pid").unlink(missing_ok=True)


async def stop_postmaster(pid: int, data: Path) -> None:
    """Stop a postmaster: fast, then immediately, then by SIGKILL."""
    for number, seconds in (
        (signal.SIGINT, FAST_SHUTDOWN_SECONDS),
        (signal.SIGQUIT, IMMEDIATE_SHUTDOWN_SECONDS),
        (signal.SIGKILL, IMMEDIATE_SHUTDOWN_SECONDS),
    ):
        if not _send(pid, number) or await _wait_for_end(pid, data, within=seconds):
            return


async def _wait_for_end(pid: int, data: Path, *, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            # A zombie has no command line any more.
            while is_serving(pid, data):  # noqa: ASYNC110 - another process's end has no event here
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        return False
    return True


def _send(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
