"""Measurements of this machine: memory, cores, a graphics processor."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from cogo.config.settings import cache_directory

_CGROUP: Final = Path("/sys/fs/cgroup")
_MEMINFO: Final = Path("/proc/meminfo")
_SECONDS: Final = 3.0


def count_free_cores() -> int:
    """Return how many cores are not busy, at least one: with more threads than that it crawls."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, round((usable or 1) - os.getloadavg()[0]))


def measure_free_memory() -> int:
    """Return the bytes of memory that programs can still take, within the limit of the container.

    Where the system does not tell (macOS), it is half of all memory.
    """
    available = _read_number(_MEMINFO, r"MemAvailable:\s+(\d+) kB")
    if available is None:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    free = available * 1024
    limit = _read_number(_CGROUP / "memory.max", r"(\d+)")
    used = _read_number(_CGROUP / "memory.current", r"(\d+)")
    cached = _read_number(_CGROUP / "memory.stat", r"(?m)^inactive_file (\d+)") or 0
    return free if limit is None or used is None else min(free, max(0, limit - used + cached))


def measure_free_disk() -> int:
    """Return the free bytes of the disk with the user's cache directory."""
    folder = cache_directory()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def measure_resident_memory(pid: int | None) -> int:
    """Return the bytes of memory of a process that cannot be taken from it; 0 if unknown.

    Weights that are mapped from a file are not counted: the system counts them as free.
    """
    if pid is None:
        return 0
    return 1024 * (_read_number(Path(f"/proc/{pid}/status"), r"RssAnon:\s+(\d+) kB") or 0)


def describe_gpu() -> str | None:
    """Return the name of the graphics processor, or None if none is seen."""
    if platform.system() == "Darwin":
        return "Metal" if platform.machine() == "arm64" else None
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    try:
        asked = subprocess.run(  # noqa: S603 - with our own arguments
            [program, "--query-gpu=name,memory.total", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(asked.stdout.splitlines()), "")[:100] or None


def _read_number(path: Path, pattern: str) -> int | None:
    try:
        found = re.search(pattern, path.read_text(encoding="ascii", errors="replace"))
    except OSError:
        return None
    return int(found[1]) if found else None
