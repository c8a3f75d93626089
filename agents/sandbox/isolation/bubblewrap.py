"""The backend `bubblewrap`: namespaces of Linux, built by the program `bwrap`.

Run by root, bwrap builds the namespaces with root's rights, and the command is given a user id that
nothing else has. Run by anybody else, it uses a user namespace.
"""

import asyncio
import errno
import json
import os
import platform
import resource
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import Final

from agents.sandbox.isolation.directory import read_files, write_files
from agents.sandbox.isolation.seccomp import build_filter
from agents.sandbox.isolation.supervision import Ending, StartedRun, Stop, Supervisor, kill_by_pidfd
from agents.sandbox.isolation.uids import RUNS_AT_ONCE, hold_uid
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
from agents.sandbox.job import MEBIBYTE, Job, Outcome, RunLimits, SandboxBroken, check_job

USER_INSIDE: Final = 1000
SETUP_SECONDS: Final = 10.0
SETPRIV: Final = "/usr/bin/setpriv"
DROP_RIGHTS: Final = ("--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all")
NICENESS: Final = 5
"""The agent, which watches over the run, comes first."""
GATE: Final = ("/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "sh")
"""Bwrap goes on when an agent dies that has not yet set the limits; what comes next does not."""
GATE_WORD: Final = b"go\n"
EXTRA_DATA_MB: Final = 1_024
"""Memory that a process may reserve beyond the limit: the stacks of its threads, mostly unused."""


class Bubblewrap:
    """Runs each job in namespaces of its own."""

    def __init__(self, program: Path) -> None:
        self.program = program
        self._filter = build_filter(platform.machine())
        self.name = "bubblewrap" if self._filter is not None else "bubblewrap without seccomp"
        self._is_root = os.geteuid() == 0
        self._threads = ThreadPoolExecutor(RUNS_AT_ONCE, thread_name_prefix="sandbox")

    async def run(self, job: Job) -> Outcome:
        """Run a job; cancellation kills it at once."""
        check_job(job)
        stop = Stop()
        running = asyncio.get_running_loop().run_in_executor(
            self._threads, self._run_job, job, stop
        )
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            stop.request()
            await asyncio.wait([running])
            raise
        finally:
            stop.close()

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
        held.callback(kill_by_pidfd, root_pidfd)
        wait_for_view(root, root_pidfd, monitor)
        storage = open_directory(f"/proc/{root}/root{STORAGE}", held)

        def begin() -> None:
            gate.write(GATE_WORD)
            block.write(b"x")

        return StartedRun(monitor, root, root_pidfd, storage), begin

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


def build_outcome(
    backend: str, ending: Ending, files: dict[str, bytes], left_out: tuple[str, ...]
) -> Outcome:
    """Return the outcome of a run that ended."""
    return Outcome(
        backend=backend,
        exit_code=ending.exit_code,
        signal=ending.signal,
        stdout=ending.stdout,
        stderr=ending.stderr,
        seconds=ending.seconds,
        cpu_seconds=ending.cpu_seconds,
        peak_memory_mb=ending.peak_memory_mb,
        hit=ending.hit,
        files=files,
        left_out=left_out,
    )


def set_limits(process: int, limits: RunLimits, *, helpers: int) -> None:
    """Limit what a process and those that it will start can use, each for itself.

    `helpers` are processes of the sandbox that count as processes of the run.
    """
    data = (limits.memory_mb * 2 + EXTRA_DATA_MB) * MEBIBYTE
    for kind, value in {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: int(limits.cpu_seconds) + 1,
        resource.RLIMIT_DATA: data,
        resource.RLIMIT_FSIZE: limits.disk_mb * MEBIBYTE * 2,  # the disk is full before
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_NPROC: limits.processes + helpers,
    }.items():
        resource.prlimit(process, kind, (value, value))
    Path(f"/proc/{process}/oom_score_adj").write_text("1000")  # the first that the kernel kills
    os.setpriority(os.PRIO_PROCESS, process, NICENESS)


def read_root(info: FileIO, monitor: subprocess.Popen[bytes]) -> int:
    """Return the first process of the namespace, which bwrap writes to `info`."""
    told = b""
    while select.select([info], [], [], SETUP_SECONDS)[0] and (part := info.read(4096)):
        told += part
    try:
        return int(json.loads(told)["child-pid"])
    except (ValueError, KeyError):
        raise explain_failure(monitor) from None


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


def end_monitor(monitor: subprocess.Popen[bytes]) -> None:
    """Kill bwrap, which kills what it started, and close its pipes."""
    if monitor.returncode is None:
        monitor.kill()
        monitor.wait()
    for stream in (monitor.stdout, monitor.stderr):
        if stream is not None:
            stream.close()


def open_pipe(held: ExitStack) -> tuple[FileIO, FileIO]:
    """Return the two ends of a pipe."""
    read, write = os.pipe2(os.O_CLOEXEC)
    return (
        held.enter_context(FileIO(read, "rb")),
        held.enter_context(FileIO(write, "wb")),
    )


def open_directory(path: str, held: ExitStack) -> int:
    """Return an open directory."""
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    held.callback(os.close, opened)
    return opened


def write_memory(content: bytes, held: ExitStack) -> int:
    """Return an open file in memory that holds `content`."""
    file = held.enter_context(FileIO(os.memfd_create("sandbox"), "wb+"))
    file.write(content)
    file.seek(0)
    return file.fileno()
