"""Log files of child processes: kept short between one start and the next."""

from pathlib import Path
from typing import Final

LONG_BYTES: Final = 10_000_000


def set_long_logs_aside(folder: Path) -> None:
    """Rename each long log to `<name>.old`, where it replaces the one of an earlier time."""
    for log in folder.glob("*.log"):
        if log.stat().st_size > LONG_BYTES:
            log.replace(log.with_suffix(".old"))
