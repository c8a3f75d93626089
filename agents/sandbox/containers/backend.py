"""The backends `podman` and `docker`: a container for each run, for those who set them.

The image is empty and the machine's programs are mounted, so that code meets the same interpreters
in every backend. Files go in through standard input and come out behind the command's output, so
that runtimes work whose file systems the machine does not see: gVisor and those with microVMs.
"""

import os
import platform
import secrets
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import IO, Final

from agents.sandbox.containers.archive import SplitOutput, pack_job
from agents.sandbox.containers.arguments import (
    HELPERS,
    IMAGE,
    ContainerRun,
    Engine,
    build_run_arguments,
    build_settings,
)
from agents.sandbox.containers.leftovers import (
    build_engine_environment,
    build_folder,
    build_name,
    remove_container,
    run_engine,
)
from agents.sandbox.containers.profile import build_profile
from agents.sandbox.isolation.bubblewrap import USER_INSIDE, measure_file_system
from agents.sandbox.isolation.launch import (
    ThreadedSandbox,
    build_outcome,
    end_monitor,
    open_directory,
)
from agents.sandbox.isolation.supervision import StartedRun, Stop, StorageUse, Supervisor
from agents.sandbox.isolation.uids import hold_uid
from agents.sandbox.isolation.view import STORAGE
from agents.sandbox.job import Job, Outcome, SandboxBroken

START_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.01
EMPTY_TAR: Final = bytes(10_240)


class ContainerSandbox(ThreadedSandbox):
    """Runs each job in a container of its own."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.title)
        self.engine = engine
        self._profile = build_profile(platform.machine())
        self._has_rights = engine.name == "docker" or os.geteuid() == 0
        self._is_image_there = False

    def _run_job(self, job: Job, stop: Stop) -> Outcome:
        packed = pack_job(job)
        self._make_image()
        with ExitStack() as held:
            uid = held.enter_context(hold_uid()) if self._has_rights else USER_INSIDE
            run = ContainerRun(
                name=(name := build_name()),
                folder=build_folder(name),
                uid=uid,
                is_uid_own=self._has_rights,
                mark=secrets.token_hex(16),
                has_profile=self._profile is not None,
                input_bytes=len(packed),
            )
            arguments = build_run_arguments(self.engine, run, job)
            held.callback(rmtree, run.folder, ignore_errors=True)
            write_settings(run, self._profile)
            client = subprocess.Popen(  # noqa: S603 - the command is what a sandbox is for
                self.engine.build_command(*arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=build_engine_environment(),
                cwd=run.folder,  # where Podman notes that memory ran out
                start_new_session=True,
            )
            held.callback(remove_container, self.engine, name)
            held.callback(end_client, client)
            started = self._find_root(client, name, held)
            output = SplitOutput(job.limits.output_bytes, run.mark.encode())
            feeder = threading.Thread(target=feed, args=(client.stdin, packed), daemon=True)
            limits = replace(job.limits, processes=job.limits.processes + HELPERS - 1)
            supervisor = Supervisor(started, limits, stop, output)
            feeder.start()
            ending = supervisor.watch()
            if ending.signal == signal.SIGKILL and ending.hit is None and self._ran_out(name):
                ending = replace(ending, hit="memory")
            return build_outcome(self.name, ending, *output.read_files(job.collect))

    def _make_image(self) -> None:
        """Make the empty image, unless the engine has it."""
        if self._is_image_there:
            return
        if run_engine(self.engine, "image", "inspect", IMAGE).returncode != 0:
            made = run_engine(self.engine, "import", "-", IMAGE, content=EMPTY_TAR)
            if made.returncode != 0:
                raise explain_engine(self.engine, made.stderr)
        self._is_image_there = True

    def _find_root(self, client: subprocess.Popen[bytes], name: str, held: ExitStack) -> StartedRun:
        """Wait for the first process of the container, which waits for its input."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if client.poll() is not None:
                _, written = client.communicate()
                raise explain_engine(self.engine, written)
            told = run_engine(
                self.engine, "inspect", "--format", "{{.Id}} {{.State.Pid}}", name
            ).stdout.split()
            if len(told) == 2 and told[1] != b"0":
                root = int(told[1])
                with suppress(ProcessLookupError):
                    pidfd = os.pidfd_open(root)
                    held.callback(os.close, pidfd)
                    if runs_container(root, (name.encode(), told[0])):
                        measure = open_storage(root, held)
                        kill = partial(self._kill, name)
                        return StartedRun(client, root, pidfd, measure, kill)
            select.select([], [], [], POLL_SECONDS)
        raise SandboxBroken(f"{self.engine.name} did not start a container on this machine")

    def _kill(self, name: str) -> None:
        """Begin to kill a container; the engine may wait until its output has been read."""
        threading.Thread(target=run_engine, args=(self.engine, "kill", name), daemon=True).start()

    def _ran_out(self, name: str) -> bool:
        """Return whether the kernel killed a process of the container for its memory."""
        told = run_engine(self.engine, "inspect", "--format", "{{.State.OOMKilled}}", name)
        return told.stdout.strip() == b"true"


def write_settings(run: ContainerRun, profile: str | None) -> None:
    """Write what is mounted or read when the container starts."""
    run.folder.mkdir(mode=0o755)
    (run.folder / "etc").mkdir(mode=0o755)
    for path, content in build_settings(run.uid).items():
        file = Path(f"{run.folder}{path}")
        file.write_text(content)
        file.chmod(0o644)
    if profile is not None:
        (run.folder / "seccomp.json").write_text(profile)


def feed(stream: IO[bytes], content: bytes) -> None:
    """Write the files of a job; the stream stays open, and its end ends the run."""
    with suppress(OSError, ValueError):  # the run has ended before
        stream.write(content)
        stream.flush()


def end_client(client: subprocess.Popen[bytes]) -> None:
    """Kill the engine's program that passes streams on, and close them."""
    end_monitor(client)
    if client.stdin is not None:
        with suppress(OSError):
            client.stdin.close()


def runs_container(process: int, names: tuple[bytes, ...]) -> bool:
    """Return whether a process of this machine is that of a container, and not of another's."""
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False
    return any(name in command for name in names)


def open_storage(root: int, held: ExitStack) -> Callable[[bool], StorageUse]:
    """Return what measures a container's file system, where this machine sees it."""
    try:
        if not Path(f"/proc/{root}/root").samefile("/"):
            storage = open_directory(f"/proc/{root}/root{STORAGE}", held)
            return lambda _: measure_file_system(storage)
    except OSError:
        pass  # the rights or the runtime hide it
    return lambda _: StorageUse(files=0, is_full=False)


def explain_engine(engine: Engine, written: bytes) -> SandboxBroken:
    """Build the error of an engine that did not run anything, from what it wrote."""
    text = written.decode(errors="replace").strip()[-500:]
    return SandboxBroken(text or f"{engine.name} ended and said nothing")
