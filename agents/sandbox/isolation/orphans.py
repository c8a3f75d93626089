"""What runs and agents that were killed leave behind.

For some microseconds neither half of bwrap dies with the other. The half that is left waits for a
word that never comes; no code of a job has begun then. The next agent ends it.

Sandlock keeps two System V segments for each user, and never removes them. A machine has 4,096.
"""

import ctypes
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from agents.sandbox.isolation.uids import find_agent

SEGMENTS: Final = Path("/proc/sysvipc/shm")
IPC_RMID: Final = 0


def kill_orphans(program: Path) -> None:
    """Kill processes of `program` that were to begin a namespace and have lost their parent."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and _is_orphan(folder, program):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(int(folder.name), signal.SIGKILL)


def _is_orphan(folder: Path, program: Path) -> bool:
    try:
        if not _runs(folder, program):
            return False
        fields = dict(
            line.split(":\t", 1)
            for line in (folder / "status").read_text().splitlines()
            if ":\t" in line
        )
        begins_namespace = fields["NSpid"].split()[1:] == ["1"]
        return begins_namespace and not _runs(Path("/proc") / fields["PPid"], program)
    except (OSError, KeyError):
        return False  # it has ended, or it is another user's


def _runs(folder: Path, program: Path) -> bool:
    return (folder / "cmdline").read_bytes().startswith(os.fsencode(program) + b"\0")


def remove_segments(uid: int | None = None) -> None:
    """Remove the shared memory of a run's user, or that of all runs whose agents are gone."""
    try:
        _, *lines = SEGMENTS.read_text().splitlines()
    except (OSError, ValueError):  # a kernel without them
        return
    for line in lines:
        fields = line.split()
        segment, is_attached, owner = int(fields[1]), fields[6] != "0", int(fields[7])
        agent = find_agent(owner)
        is_left = owner == uid if uid else agent and not Path(f"/proc/{agent}").exists()
        if is_left and not is_attached:
            ctypes.CDLL(None).shmctl(segment, IPC_RMID, None)
