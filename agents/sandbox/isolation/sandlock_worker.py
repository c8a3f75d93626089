"""The process that runs one job in Sandlock: `python sandlock_worker.py FD`, started by the agent.

It is of its own because Sandlock watches over the job from within the process that starts it, and
because orphans of the job become children of this process, which are then found.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NoReturn

PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
WORD: Final = b"go\n"
RM: Final = "/bin/rm"
TASKS: Final = Path("/proc/self/task")


def main() -> NoReturn:
    """Run the job that the open file holds, and end as its command ended."""
    with os.fdopen(int(sys.argv[1]), "rb") as file:
        job: dict[str, Any] = json.load(file)
    sys.path.append(job["packages"])
    sandlock = import_module("sandlock")

    control = ctypes.CDLL(None).prctl
    if job["uid"] is not None:
        os.setgroups([])
        os.setresgid(job["uid"], job["uid"], job["uid"])
        os.setresuid(job["uid"], job["uid"], job["uid"])
        control(PR_SET_DUMPABLE, 1, 0, 0, 0)  # Sandlock reads its own /proc
    control(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if os.read(0, len(WORD)) != WORD:
        end_with_agent(job["policy"]["cwd"])
    threading.Thread(target=end_with_agent, args=(job["policy"]["cwd"],), daemon=True).start()
    box = sandlock.Sandbox(**job["policy"])
    modes = sandlock.StdioMode
    os.set_inheritable(job["told"], False)
    process = box.popen(job["command"], modes.NULL, modes.INHERIT, modes.INHERIT)
    os.write(job["told"], b"x")
    result = process.wait()
    kill_children()
    if result.signal > 0:
        with suppress(OSError):  # which cannot be caught
            signal.signal(result.signal, signal.SIG_DFL)
        os.kill(os.getpid(), result.signal)
    os._exit(result.exit_code & 0xFF)


def end_with_agent(folder: str) -> NoReturn:
    """Wait for the end of the agent, which closes its end of our input, and end the job."""
    os.read(0, 1)
    kill_children()
    os.execv(RM, [RM, "-rf", "--", folder])  # noqa: S606 - our own arguments


def kill_children() -> None:
    """Kill what the job has left, until there is nothing."""
    while pids := [pid for each in TASKS.iterdir() for pid in _read_children(each)]:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)


def _read_children(task: Path) -> list[str]:
    try:
        return (task / "children").read_text().split()
    except OSError:
        return []  # the thread has ended


if __name__ == "__main__":
    main()
