"""Processes as the kernel knows them: their state and children."""

import os
from pathlib import Path


def is_running(pid: int) -> bool:
    """Return whether a process lives; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if not Path("/proc/self").exists():
        return True  # no such directory here, so nothing tells a zombie
    try:
        return _fields(Path(f"/proc/{pid}/stat"))[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False  # it was noticed as dead just now


def descendants(pid: int) -> set[int]:
    """Return the living descendants of a process."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(_fields(status)[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {pid}
    while grown := {child for child, parent in parents.items() if parent in found} - found:
        found |= grown
    return found - {pid}


def _fields(status: Path) -> list[str]:
    """Return the fields after the program's name, which may hold spaces: state, parent, ..."""
    return status.read_text().rpartition(")")[2].split()
