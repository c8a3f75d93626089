"""The backend `bubblewrap`: namespaces of Linux, built by the program `bwrap`.

Run by root, bwrap builds the namespaces with root's rights, and the command is given a user id that
nothing else has. Run by anybody else, it uses a user namespace.
"""

import errno
import json
import os
import platform
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Final

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
from agents.sandbox.isolation.seccomp import build_filter
from agents.sandbox.isolation.supervision import (
    StartedRun,
    Stop,
    StorageUse,
    Supervisor,
    kill_by_pidfd,
)
from agents.sandbox.isolation.uids import hold_uid
from agents.sandbox.isolation.view import (
    STORAGE,
    WORK,
    build_account_files,
    build_environment,
    set_environment,
    show_readable,
    show_storage,
    show_system,
)
from agents.sandbox.job import Job, Outcome, SandboxBroken

USER_INSIDE: Final = 1000
SETUP_SECONDS: Final = 10.0
SETPRIV: Final = "/usr/bin/setpriv"
DROP_RIGHTS: Final = ("--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all")
GATE: Final = ("/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "sh")
"""Bwrap goes on when an agent dies that has not yet set the limits; what comes next does not."""
GATE_WORD: Final = b"go\n"


class Bubblewrap(ThreadedSandbox):
    """Runs each job in namespaces of its own."""

    def __init__(self, program: Path) -> None:
        self._filter = build_filter(platform.machine())
        super().__init__("bubblewrap" if self._filter is not None else "bubblewrap without seccomp")
        self.program = program
        self._is_root = os.geteuid() == 0

    def _run_job(self, job: Job, stop: Stop) -> Outcome:
        with ExitStack() as held:
            uid = held.enter_context(hold_uid()) if self._is_root else USER_INSIDE
            run, begin = self._start(job, uid, held)
            work = open_directory(f"/proc/{run.root}/root{WORK}", held)
            try:
                write_files(work, job.files, owner=uid if self._is_root else None)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return Outcome(backend=self.name, hit="disk")
            set_limits(run.root, job.limits, helpers=0 if self._is_root else 1)
            begin()
            ending = Supervisor(run, job.limits, stop).watch()
            files, left_out = read_files(work, job.collect)
            return build_outcome(self.name, ending, files, left_out)

    def _start(self, job: Job, uid: int, held: ExitStack) -> tuple[StartedRun, Callable[[], None]]:
        """Build the namespaces, and return what begins the command."""
        info, info_inside = open_pipe(held)
        block_inside, block = open_pipe(held)
        gate_inside, gate = open_pipe(held)
        passed = [info_inside.fileno(), block_inside.fileno()]
        arguments = [*self._list_arguments(job, uid)]
        arguments += ["--info-fd", str(passed[0]), "--block-fd", str(passed[1])]
        for path, content in build_account_files(uid).items():
            passed.append(write_memory(content.encode(), held))
            arguments += ["--perms", "0644", "--file", str(passed[-1]), path]
        arguments += ["--chdir", WORK, "--remount-ro", "/"]
        if self._filter is not None:
            passed.append(write_memory(self._filter, held))
            arguments += ["--seccomp", str(passed[-1])]
        passed.append(write_memory("\0".join([*arguments, ""]).encode(), held))
        monitor = subprocess.Popen(  # noqa: S603 - the command is what a sandbox is for
            [self.program, "--args", str(passed[-1]), *self._wrap_command(job.command, uid)],
            stdin=gate_inside,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=passed,
            env={},
            start_new_session=True,
        )
        held.callback(end_monitor, monitor)
        for inside in (info_inside, block_inside, gate_inside):
            inside.close()
        root = read_root(info, monitor)
        root_pidfd = os.pidfd_open(root)
        held.callback(os.close, root_pidfd)
        if read_parent(root) != monitor.pid:  # it has ended, and its id may be another's
            raise explain_failure(monitor)
        held.callback(kill_by_pidfd, root_pidfd)
        wait_for_view(root, root_pidfd, monitor)
        storage = open_directory(f"/proc/{root}/root{STORAGE}", held)

        def begin() -> None:
            gate.write(GATE_WORD)
            block.write(b"x")

        return StartedRun(
            monitor,
            root,
            root_pidfd,
            measure_storage=lambda _: measure_file_system(storage),
            kill=partial(kill_by_pidfd, root_pidfd),  # the kernel kills its namespace with it
        ), begin

    def _list_arguments(self, job: Job, uid: int) -> list[str]:
        arguments = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        arguments += ["--unshare-cgroup-try", "--hostname", "sandbox", "--die-with-parent"]
        arguments += ["--new-session", "--cap-drop", "ALL"]
        if self._is_root:
            for right in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
                arguments += ["--cap-add", right]
            owner = ["--perms", "1777", "--dir", WORK]
        else:
            arguments += ["--unshare-user", "--uid", str(uid), "--gid", str(uid)]
            arguments += ["--disable-userns"]
            owner = ["--perms", "0755", "--dir", WORK]
        return [
            *arguments,
            *set_environment(build_environment(job)),
            *show_system(),
            *show_storage(job),
            *show_readable(job.readable),
            *owner,
        ]

    def _wrap_command(self, command: Sequence[str], uid: int) -> list[str]:
        gated = [*GATE, *command]
        if not self._is_root:
            return ["--", *gated]
        return ["--", SETPRIV, f"--reuid={uid}", f"--regid={uid}", *DROP_RIGHTS, "--", *gated]


def measure_file_system(directory: int) -> StorageUse:
    """Return what is used of the file system of an open directory."""
    status = os.fstatvfs(directory)
    return StorageUse(files=status.f_files - status.f_ffree, is_full=status.f_bavail == 0)


def read_root(info: FileIO, monitor: subprocess.Popen[bytes]) -> int:
    """Return the first process of the namespace, which bwrap writes to `info`."""
    told = b""
    while select.select([info], [], [], SETUP_SECONDS)[0] and (part := info.read(4096)):
        told += part
    try:
        return int(json.loads(told)["child-pid"])
    except (ValueError, KeyError):
        raise explain_failure(monitor) from None


def read_parent(process: int) -> int | None:
    """Return the parent of a process, if it is there."""
    try:
        return int(Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return None


def wait_for_view(root: int, root_pidfd: int, monitor: subprocess.Popen[bytes]) -> None:
    """Wait until the namespace has its own file system, the last that bwrap does."""
    deadline = time.monotonic() + SETUP_SECONDS
    view = Path(f"/proc/{root}/root")
    while view.samefile("/") or not Path(f"{view}{WORK}").is_dir():
        if select.select([root_pidfd], [], [], 0.001)[0] or time.monotonic() > deadline:
            raise explain_failure(monitor)


def explain_failure(monitor: subprocess.Popen[bytes]) -> SandboxBroken:
    """Build the error of a sandbox that did not start, from what bwrap wrote."""
    monitor.kill()
    _, written = monitor.communicate()
    text = written.decode(errors="replace").strip()[-500:]
    return SandboxBroken(text or f"bwrap ended with {monitor.returncode}")
