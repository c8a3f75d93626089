"""What the processes of a run use, read from /proc."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
TICKS: Final = os.sysconf("SC_CLK_TCK")
MAX_WATCHED: Final = 4_096


@dataclass(frozen=True, slots=True)
class GroupUse:
    """What a process and all below it use together. `tasks` counts threads."""

    tasks: int = 0
    memory_bytes: int = 0
    cpu_seconds: float = 0.0


def measure_group(root: int) -> GroupUse:
    """Return what a process and its descendants use.

    In a namespace of processes orphans become children of its first process, so that its tree is
    all of them, and the CPU time of those that have ended is part of their parents'.
    """
    tasks, memory, ticks = 0, 0, 0
    for process in list_tree(root):
        folder = Path("/proc") / str(process)
        try:
            fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        except (OSError, IndexError):
            continue  # it has just ended
        tasks += int(fields[17])
        ticks += sum(int(each) for each in fields[11:15])
        memory += _read_resident(folder)
    return GroupUse(tasks, memory, ticks / TICKS)


def measure_delay(root: int) -> float:
    """Return the seconds that one of these processes has waited for a CPU; the largest such time.

    0 where the kernel does not tell.
    """
    waited = 0
    for process in list_tree(root):
        try:
            fields = Path(f"/proc/{process}/schedstat").read_bytes().split()
            waited = max(waited, int(fields[1]))
        except (OSError, IndexError):
            continue  # it has just ended
    return waited / 1e9


def measure_memory(root: int) -> int:
    """Return the bytes of memory of a process and its descendants, shared ones counted once.

    It takes the kernel longer than the sum of `measure_group`, which counts pages that several
    processes share for each of them, as a copy of a process shares nearly all.
    """
    total = 0
    for process in list_tree(root):
        folder = Path("/proc") / str(process)
        try:
            lines = (folder / "smaps_rollup").read_bytes().splitlines()
            total += 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(b"Pss:"))
        except PermissionError:  # a program may hide its maps, but not its size
            total += _read_resident(folder)
        except OSError:
            continue  # it has just ended
    return total


def _read_resident(folder: Path) -> int:
    try:
        return int((folder / "statm").read_bytes().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0  # it has just ended


def has_not_ended(process: int) -> bool:
    """Return whether a process is there and has not ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return False
    return fields[0] not in {b"Z", b"X"}


def list_tree(root: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    todo, seen = [root], 0
    while todo and seen < MAX_WATCHED:
        process = todo.pop()
        seen += 1
        yield process
        try:
            todo += _list_children(Path("/proc") / str(process))
        except OSError:
            continue  # it has just ended


def _list_children(folder: Path) -> list[int]:
    """Return the children of all threads of a process."""
    children: list[int] = []
    for thread in (folder / "task").iterdir():
        try:
            children += [int(each) for each in (thread / "children").read_bytes().split()]
        except OSError:
            continue  # the thread has ended
    return children
