"""What an agent leaves that is killed while bwrap builds a sandbox for it.

For some microseconds neither half of bwrap dies with the other. The half that is left waits for a
word that never comes; no code of a job has begun then. The next agent ends it.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path


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
