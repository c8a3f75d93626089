"""The logs of child processes: private files, rotated at each start."""

import os
from pathlib import Path
from typing import BinaryIO, Final

from cogo.errors import CommandError

LONG_BYTES: Final = 10_000_000
_TAIL_BYTES: Final = 4096


def prepare_logs(home: Path) -> Path:
    """Create the folder for logs and rotate long ones; return the folder.

    A long log is renamed to `<name>.old`, replacing an earlier one. Raises CommandError when the
    directory cannot be written.
    """
    folder = home / "logs"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"{folder} cannot be written ({error.strerror}): choose another with --dir or COGO_HOME"
        ) from error
    for log in folder.glob("*.log"):
        if log.stat().st_size > LONG_BYTES:
            log.replace(log.with_suffix(".old"))
    return folder


def open_log(path: Path) -> BinaryIO:
    """Open a log that only its owner can read, to append to it."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def read_last_line(path: Path, *, begin: int = 0) -> str | None:
    """Return the last line that was written after `begin`, or None if there is none."""
    with path.open("rb") as file:
        file.seek(max(begin, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else None
