"""Processes as the kernel knows them: their state, children and command lines."""

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


def find_process(parent: int, *words: str) -> int:
    """Return the one living descendant of a process whose command line has these words.

    Look for it before each signal: one that was restarted has another id, and its first id may be
    somebody else's by now.
    """
    found = {pid for pid in descendants(parent) if {*words} <= {*read_command_line(pid)}}
    forks = {child for pid in found for child in descendants(pid)}
    [pid] = found - forks or [None]
    assert pid is not None, f"no process runs {' '.join(words)}"
    return pid


def read_command_line(pid: int) -> list[str]:
    """Return the words by which a process was started."""
    return read_process_file(pid, "cmdline").split("\0")


def read_process_file(pid: int, name: str) -> str:
    """Return what the kernel says of a process; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _fields(status: Path) -> list[str]:
    """Return the fields after the program's name, which may hold spaces: state, parent, ..."""
    return status.read_text().rpartition(")")[2].split()
