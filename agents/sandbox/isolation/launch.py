"""What every backend needs to start a run: pipes, limits, a thread, an outcome."""

import asyncio
import os
import resource
import subprocess
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import Final

from agents.sandbox.isolation.supervision import Ending, Stop
from agents.sandbox.isolation.uids import RUNS_AT_ONCE
from agents.sandbox.job import MEBIBYTE, Job, Outcome, RunLimits, check_job

NICENESS: Final = 5
"""The agent, which watches over the run, comes first."""
EXTRA_DATA_MB: Final = 1_024
"""Memory that a process may reserve beyond the limit: the stacks of its threads, mostly unused."""


class ThreadedSandbox(ABC):
    """A backend that watches over each run in a thread."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._threads = ThreadPoolExecutor(RUNS_AT_ONCE, thread_name_prefix="sandbox")

    async def run(self, job: Job) -> Outcome:
        """Run a job; cancellation kills it at once."""
        check_job(job)
        if sum(map(len, job.files.values())) > job.limits.disk_mb * MEBIBYTE:
            return Outcome(backend=self.name, hit="disk")
        stop = Stop()
        running = asyncio.get_running_loop().run_in_executor(
            self._threads, self._run_and_close, job, stop
        )
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            stop.request()
            await asyncio.wait([running])
            raise

    def _run_and_close(self, job: Job, stop: Stop) -> Outcome:
        try:
            return self._run_job(job, stop)
        finally:
            stop.close()

    @abstractmethod
    def _run_job(self, job: Job, stop: Stop) -> Outcome:
        """Run a job in this thread, until its end or the request to stop."""


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


def set_limits(process: int, limits: RunLimits, *, helpers: int | None) -> None:
    """Limit what a process and those that it will start can use, each for itself.

    `helpers` are processes of the sandbox that count as processes of the run; None where those of
    the whole user count.
    """
    data = (limits.memory_mb * 2 + EXTRA_DATA_MB) * MEBIBYTE
    for kind, value in {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: int(limits.cpu_seconds) + 1,
        resource.RLIMIT_DATA: data,
        resource.RLIMIT_FSIZE: limits.disk_mb * MEBIBYTE * 2,  # the disk is full before
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NOFILE: limits.open_files,
    }.items():
        resource.prlimit(process, kind, (value, value))
    if helpers is not None:
        processes = limits.processes + helpers
        resource.prlimit(process, resource.RLIMIT_NPROC, (processes, processes))
    Path(f"/proc/{process}/oom_score_adj").write_text("1000")  # the first that the kernel kills
    os.setpriority(os.PRIO_PROCESS, process, NICENESS)


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
