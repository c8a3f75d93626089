"""The backend `sandlock`: Landlock and seccomp without namespaces.

It needs no user namespaces, and holds less than bubblewrap: programs see that other processes are
there, write to a directory of the machine that is counted and not bounded, and can use what every
user of the machine may run or read of the directories shown.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from agents.sandbox.isolation.directory import read_files, write_files
from agents.sandbox.isolation.launch import (
    ThreadedSandbox,
    build_outcome,
    end_monitor,
    open_directory,
    open_pipe,
    set_limits,
    write_memory,
)
from agents.sandbox.isolation.orphans import remove_segments
from agents.sandbox.isolation.processes import has_not_ended, list_tree
from agents.sandbox.isolation.sandlock_worker import RM, WORD
from agents.sandbox.isolation.supervision import (
    StartedRun,
    Stop,
    StorageUse,
    Supervisor,
    kill_by_pidfd,
)
from agents.sandbox.isolation.uids import hold_uid
from agents.sandbox.isolation.view import (
    SETTINGS,
    STORAGE,
    SYSTEM,
    build_environment,
    check_readable,
)
from agents.sandbox.job import MEBIBYTE, Job, Outcome, SandboxBroken

WORKER: Final = Path(__file__).with_name("sandlock_worker.py")
DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
DENIED: Final = ("kcmp", "pidfd_getfd", "memfd_create")
"""Calls that Sandlock allows and a sandbox does not need."""
COUNT_EVERY: Final = 0.2
DU: Final = "/usr/bin/du"
ROUNDS: Final = 1_000


class Sandlock(ThreadedSandbox):
    """Runs each job below a process that asks Sandlock for it."""

    def __init__(self) -> None:
        super().__init__("sandlock")
        self._is_root = os.geteuid() == 0

    @staticmethod
    def is_installed() -> bool:
        """Return whether the package is there."""
        return find_spec("sandlock") is not None

    def _run_job(self, job: Job, stop: Stop) -> Outcome:
        with ExitStack() as held:
            uid = held.enter_context(hold_uid()) if self._is_root else None
            if uid is not None:
                held.callback(remove_segments, uid)
                held.callback(kill_user, uid)
            folder = Path(tempfile.mkdtemp(prefix="cogo-sandbox-"))
            held.callback(remove_folder, folder)
            work = open_directory(str(folder), held)
            if uid is not None:
                os.fchown(work, uid, uid)
            write_files(work, job.files, owner=uid)
            gate_inside, gate = open_pipe(held)
            told, told_inside = open_pipe(held)
            plan = write_memory(describe_job(job, folder, uid, told_inside.fileno()), held)
            worker = subprocess.Popen(  # noqa: S603 - the command is what a sandbox is for
                [sys.executable, "-I", str(WORKER), str(plan)],
                stdin=gate_inside,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[plan, told_inside.fileno()],
                env={},
                start_new_session=True,
            )
            held.callback(end_monitor, worker)
            gate_inside.close()
            told_inside.close()
            pidfd = os.pidfd_open(worker.pid)
            held.callback(os.close, pidfd)
            kill = partial(kill_tree, worker.pid, pidfd)
            held.callback(kill)
            set_limits(worker.pid, job.limits, helpers=None if uid is None else 1)
            gate.write(WORD)
            storage = CountedFolder(folder, job.limits.disk_mb * MEBIBYTE)
            run = StartedRun(worker, worker.pid, pidfd, storage.measure, kill)
            ending = Supervisor(run, job.limits, stop).watch()
            if not told.read(1) and ending.hit is None:
                raise SandboxBroken(ending.stderr.decode(errors="replace").strip()[-500:])
            files, left_out = read_files(work, job.collect)
            return build_outcome(self.name, ending, files, left_out)


class CountedFolder:
    """A folder of the machine whose content is counted now and then."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self._counted_at = 0.0
        self._use = StorageUse(files=0, is_full=False)

    def measure(self, is_final: bool) -> StorageUse:
        """Return what the folder holds, unless `is_final` as it was a moment ago."""
        if is_final or time.monotonic() - self._counted_at > COUNT_EVERY:
            files, size = count_files(self._folder)
            is_over = size > self._size
            self._use = StorageUse(files=files, is_full=is_over, is_over=is_over)
            self._counted_at = time.monotonic()
        return self._use


def count_files(folder: Path) -> tuple[int, int]:
    """Return the number of entries below a folder and the bytes that they take.

    `du` follows folders deeper than a path can be long.
    """
    return _run_du(folder, "--inodes"), _run_du(folder, "--block-size=1")


def _run_du(folder: Path, option: str) -> int:
    done = subprocess.run(  # noqa: S603 - our own arguments
        [DU, "--summarize", option, "--", str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return int(done.stdout.split()[0]) if done.stdout else 0


def remove_folder(folder: Path) -> None:
    """Remove a folder of any depth."""
    subprocess.run([RM, "-rf", "--", str(folder)], check=False, capture_output=True)  # noqa: S603


def describe_job(job: Job, folder: Path, uid: int | None, told: int) -> bytes:
    """Return what the worker needs to know."""
    places = {"HOME": str(folder), "TMPDIR": str(folder)}
    environment = {
        name: places.get(name, value) if value == STORAGE else value
        for name, value in build_environment(job).items()
    }
    shown = [each for each in (*SYSTEM, *SETTINGS, *DEVICES, "/proc") if Path(each).exists()]
    policy: dict[str, Any] = {
        "fs_readable": [*shown, *(str(each) for each in check_readable(job.readable))],
        "fs_writable": [str(folder), "/dev/null"],
        "cwd": str(folder),
        "clean_env": True,
        "env": environment,
        "max_processes": job.limits.processes,
        "max_open_files": job.limits.open_files,
        "no_coredump": True,
        "extra_deny_syscalls": list(DENIED),
    }
    package = find_spec("sandlock")
    if package is None or package.origin is None:
        raise SandboxBroken("the package sandlock is not installed")
    packages = str(Path(package.origin).parents[1])
    plan: dict[str, Any] = {
        "uid": uid,
        "command": list(job.command),
        "policy": policy,
    }
    plan |= {"packages": packages, "told": told}
    return json.dumps(plan).encode()


def kill_tree(root: int, pidfd: int) -> None:
    """Kill all below a process, then it; it adopts orphans, so that none is missed."""
    for _ in range(ROUNDS):
        below = [each for each in list_tree(root) if each != root and has_not_ended(each)]
        if not below:
            break
        for each in below:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
    kill_by_pidfd(pidfd)


def kill_user(uid: int) -> None:
    """Kill all processes of a user, until there is none."""
    for _ in range(ROUNDS):
        found = [each for each in Path("/proc").iterdir() if each.name.isdigit()]
        running = [
            each for each in found if _belongs_to(each, uid) and has_not_ended(int(each.name))
        ]
        if not running:
            return
        for each in running:
            with suppress(ProcessLookupError):
                os.kill(int(each.name), signal.SIGKILL)


def _belongs_to(folder: Path, uid: int) -> bool:
    """Return whether a process is of a user; the owner of its folder is root if it hides itself."""
    try:
        lines = (folder / "status").read_text().splitlines()
    except OSError:
        return False
    return any(line.split()[1:2] == [str(uid)] for line in lines if line.startswith("Uid:"))
