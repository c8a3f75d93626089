"""Memory and CPU time of a process."""

import os
from pathlib import Path


def memory_mib(pid: int) -> float:
    """Return the current memory in MiB."""
    return _status(pid, "VmRSS")


def peak_memory_mib(pid: int) -> float:
    """Return the peak memory in MiB."""
    return _status(pid, "VmHWM")


def proportional_memory_mib(pid: int) -> float:
    """Return the memory in MiB, with a share of the pages that other processes use, too."""
    return _read_kib(f"/proc/{pid}/smaps_rollup", "Pss") / 1024


def list_tree(pid: int) -> list[int]:
    """Return the ids of a process and of all that descend from it."""
    tree = [pid]
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in thread.joinpath("children").read_text("utf-8").split():
            tree += list_tree(int(child))
    return tree


def read_command(pid: int) -> str:
    """Return the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text("utf-8").replace("\0", " ").strip()


def cpu_seconds(pid: int) -> float:
    """Return the user and system seconds so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    user, system = after_name[11:13]  # the 14th and 15th of proc_pid_stat(5)
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _status(pid: int, name: str) -> float:
    return _read_kib(f"/proc/{pid}/status", name) / 1024


def _read_kib(path: str, name: str) -> int:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise RuntimeError(f"{path} does not say {name}")
