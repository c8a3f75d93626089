"""Memory and CPU time of a process."""

import os
from pathlib import Path


def memory_mib(pid: int) -> float:
    """Return the current memory in MiB."""
    return _status(pid, "VmRSS")


def peak_memory_mib(pid: int) -> float:
    """Return the peak memory in MiB."""
    return _status(pid, "VmHWM")


def cpu_seconds(pid: int) -> float:
    """Return the user and system seconds so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    user, system = after_name[11:13]  # the 14th and 15th of proc_pid_stat(5)
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} does not say how much memory it holds")
