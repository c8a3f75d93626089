"""The lock: one `cogo up` for one state directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from cogo.errors import AlreadyRunning, CommandError

_FILE: Final = "up.lock"


class Lock:
    """A held lock; its file names the process that holds it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write_url(self, url: str) -> None:
        """Write our process id and the URL of the stack."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"{os.getpid()} {url}".strip())
        self._file.flush()


@contextmanager
def hold_lock(home: Path) -> Iterator[Lock]:
    """Hold the lock of `home`, which is created if it does not exist.

    The kernel releases it when the process ends, for whatever reason. Raises AlreadyRunning, and
    CommandError when the directory cannot be written.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(home / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CommandError(
            f"{home} cannot be written ({error.strerror}): choose another with --dir or COGO_HOME"
        ) from error
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(_describe_holder(file.read(), home)) from error
        lock = Lock(file)
        lock.write_url("")
        yield lock


def is_up_running(home: Path) -> bool:
    """Return whether a `cogo up` that was ready once runs for `home`."""
    return " " in _read_holder(home)


def is_lock_held(home: Path) -> bool:
    """Return whether a process holds the lock of `home`."""
    return bool(_read_holder(home))


def _read_holder(home: Path) -> str:
    """Return what the holder of the lock wrote; empty if nothing holds it."""
    try:
        with (home / _FILE).open() as file:
            content = file.read()
            # Most files are left over. Their locks are not tried, because a process that starts
            # at this moment would find its lock held.
            os.kill(int(content.partition(" ")[0]), 0)
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return content
    except (OSError, ValueError):
        return ""
    return ""


def _describe_holder(content: str, home: Path) -> str:
    process, _, url = content.partition(" ")
    where = f" at {url}" if url else ""
    return (
        f"COGO already runs{where} (state in {home}); "
        f"use it from any terminal, or stop it with: kill {process}"
    )
