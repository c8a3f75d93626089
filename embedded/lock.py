"""One server per state directory."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.errors import DirectoryInUse


@contextmanager
def hold_lock(directory: Path) -> Iterator[None]:
    """Hold the directory for as long as the block runs.

    The kernel lets go of it when the process dies, however it dies. Raises DirectoryInUse.
    """
    with (directory / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DirectoryInUse(f"Another embedded server already runs in {directory}.") from error
        yield
