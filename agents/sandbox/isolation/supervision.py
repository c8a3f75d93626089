"""Watch over a run: read its output, count what it uses, and kill all of it at a limit.

It is a thread of its own for each run: a busy event loop would let a run go on past its limits.
"""

import os
import select
import selectors
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from subprocess import Popen
from typing import Final

from agents.sandbox.isolation.output import KeptOutput
from agents.sandbox.isolation.processes import (
    GroupUse,
    measure_delay,
    measure_group,
    measure_memory,
)
from agents.sandbox.job import MEBIBYTE, Hit, RunLimits, SandboxBroken

SAMPLE_SECONDS: Final = 0.02
CHUNK_BYTES: Final = 65_536
ENDLESS_FACTOR: Final = 16
"""A run that has written so many times what is kept is killed."""
MAX_FILES: Final = 50_000
CROWDED_SECONDS: Final = 1.0
"""A run that has used up its processes for so long makes no progress, as a fork bomb does not."""
MOST_DELAY: Final = 3.0
"""How often its limit of time a run may wait for a CPU, beside that time."""
END_SECONDS: Final = 30.0
"""Killed processes end at once, unless the kernel holds one of them in a system call."""


class Stop:
    """A request to kill a run, made by another thread."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._lock = threading.Lock()
        self._is_closed = False

    def fileno(self) -> int:
        """Return what becomes readable with the request."""
        return self._read

    def request(self) -> None:
        """Ask for the kill, unless the run is over."""
        with self._lock:
            if not self._is_closed:
                os.write(self._write, b"x")

    def close(self) -> None:
        """Close what carries the request."""
        with self._lock:
            self._is_closed = True
            os.close(self._read)
            os.close(self._write)


@dataclass(frozen=True, slots=True)
class StorageUse:
    """What a run has written. A storage that cannot be full can be over its size."""

    files: int
    is_full: bool
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run whose command may begin. All its processes descend from `root`."""

    monitor: Popen[bytes]
    """Our child; it ends after `root`, with the exit code of the command."""
    root: int
    root_pidfd: int
    measure_storage: Callable[[bool], StorageUse]
    """Return what the run has written; True asks for what is there at the end."""
    kill: Callable[[], None]
    """Kill all processes of the run."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended and what it used."""

    exit_code: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    hit: Hit | None


class Supervisor:
    """The watch over one run."""

    def __init__(
        self, run: StartedRun, limits: RunLimits, stop: Stop, output: KeptOutput | None = None
    ) -> None:
        self._run = run
        self._limits = limits
        self._stop = stop
        self._stdout = output or KeptOutput(limits.output_bytes)
        self._started = time.monotonic()
        self._killed_for: Hit | None = None
        self._is_killed = False
        self._is_starved = False
        self._noticed: Hit | None = None
        self._crowded_since: float | None = None
        self._cpu_seconds = 0.0
        self._peak_bytes = 0
        self._outputs: dict[int, KeptOutput] = {}

    def watch(self) -> Ending:
        """Return how the run ended; nothing of it is left then.

        Raises:
            SandboxBroken: A killed process did not end, or the run got hardly any CPU time.
        """
        stdout, stderr = self._run.monitor.stdout, self._run.monitor.stderr
        assert stdout is not None  # noqa: S101 - the backend made the pipes
        assert stderr is not None  # noqa: S101
        with selectors.DefaultSelector() as selector:
            self._outputs[stdout.fileno()] = self._stdout
            self._outputs[stderr.fileno()] = KeptOutput(self._limits.output_bytes)
            for stream in (stdout, stderr):
                os.set_blocking(stream.fileno(), False)
                selector.register(stream.fileno(), selectors.EVENT_READ)
            selector.register(self._stop, selectors.EVENT_READ)
            selector.register(self._run.root_pidfd, selectors.EVENT_READ)
            self._wait_for_end(selector)
        self._wait_for_monitor()
        if self._is_starved:
            raise SandboxBroken("the machine is too busy: the run got hardly any CPU time")
        seconds = time.monotonic() - self._started
        for each in self._outputs:
            while self._read(each):
                pass
        exit_code, ended_by = self._explain_code(self._run.monitor.returncode)
        return Ending(
            exit_code=exit_code,
            signal=ended_by,
            stdout=self._outputs[stdout.fileno()].join(),
            stderr=self._outputs[stderr.fileno()].join(),
            seconds=seconds,
            cpu_seconds=self._cpu_seconds,
            peak_memory_mb=self._peak_bytes / MEBIBYTE,
            hit=self._find_hit(exit_code, ended_by),
        )

    def _wait_for_end(self, selector: selectors.BaseSelector) -> None:
        next_sample = time.monotonic()
        killed_at: float | None = None
        while True:
            now = time.monotonic()
            if now >= next_sample and not self._is_killed:
                self._sample(now)
                next_sample = time.monotonic() + SAMPLE_SECONDS
            for key, _ in selector.select(max(0.0, next_sample - time.monotonic())):
                if key.fd == self._run.root_pidfd:
                    self._count_cpu(measure_group(self._run.root))
                    self._notice_full_disk(self._run.measure_storage(True))
                    return
                if key.fd == self._stop.fileno():
                    selector.unregister(self._stop)
                    self._kill(None)
                elif not self._read(key.fd):
                    selector.unregister(key.fd)
            if self._is_killed:
                killed_at = killed_at or now
                next_sample = now + SAMPLE_SECONDS
                if now - killed_at > END_SECONDS:
                    raise SandboxBroken("a killed process did not end")

    def _wait_for_monitor(self) -> None:
        """Wait for our child, which may have output to pass on."""
        deadline = time.monotonic() + END_SECONDS
        is_open = set(self._outputs)
        pidfd = os.pidfd_open(self._run.monitor.pid)
        try:
            while self._run.monitor.poll() is None and time.monotonic() < deadline:
                ready, _, _ = select.select([*is_open, pidfd], [], [], SAMPLE_SECONDS)
                is_open -= {each for each in ready if each != pidfd and not self._read(each)}
        finally:
            os.close(pidfd)
        if self._run.monitor.returncode is None:
            raise SandboxBroken("the program that passes on a run's output did not end")

    def _read(self, stream: int) -> bool:
        """Read what there is, and return whether there may be more."""
        try:
            data = os.read(stream, CHUNK_BYTES)
        except BlockingIOError:
            return not self._is_over
        output = self._outputs[stream]
        output.add(data)
        if output.total > self._limits.output_bytes * ENDLESS_FACTOR:
            self._kill("output")
        return bool(data)

    @property
    def _is_over(self) -> bool:
        return self._run.monitor.returncode is not None

    def _sample(self, now: float) -> None:
        """Count what the run uses, and kill it if that is too much."""
        limits = self._limits
        use = measure_group(self._run.root)
        memory_bytes = use.memory_bytes
        if memory_bytes > limits.memory_mb * MEBIBYTE:
            memory_bytes = measure_memory(self._run.root)
        storage = self._run.measure_storage(False)
        self._count_cpu(use)
        self._peak_bytes = max(self._peak_bytes, memory_bytes)
        self._notice_full_disk(storage)
        if use.tasks > limits.processes:
            self._noticed = self._noticed or "processes"
            self._crowded_since = self._crowded_since or now
        else:
            self._crowded_since = None
        if memory_bytes > limits.memory_mb * MEBIBYTE:
            self._kill("memory")
        elif storage.is_over or storage.files > MAX_FILES:
            self._kill("disk")
        elif self._crowded_since is not None and now - self._crowded_since > CROWDED_SECONDS:
            self._kill("processes")
        elif use.cpu_seconds > limits.cpu_seconds:
            self._kill("cpu")
        elif now - self._started > limits.wall_seconds:
            self._end_late_run(now - self._started)

    def _end_late_run(self, seconds: float) -> None:
        """Kill a run that has used its time. Waiting for a CPU is not the code's fault."""
        if seconds - measure_delay(self._run.root) > self._limits.wall_seconds:
            self._kill("wall")
        elif seconds > self._limits.wall_seconds * (1 + MOST_DELAY):
            self._is_starved = True
            self._kill("wall")

    def _notice_full_disk(self, storage: StorageUse) -> None:
        if storage.is_full:
            self._noticed = self._noticed or "disk"

    def _count_cpu(self, use: GroupUse) -> None:
        self._cpu_seconds = max(self._cpu_seconds, use.cpu_seconds)

    def _kill(self, reason: Hit | None) -> None:
        """Kill all processes of the run."""
        if not self._is_killed:
            self._is_killed = True
            self._killed_for = reason
            self._run.kill()

    def _explain_code(self, code: int) -> tuple[int | None, int | None]:
        """Return the exit code of the command, or the signal that ended it."""
        if self._is_killed:
            return None, signal.SIGKILL.value
        if code < 0:
            return None, -code
        if code - 128 in set(signal.Signals):
            return None, code - 128  # in this way shells and bubblewrap report signals
        return code, None

    def _find_hit(self, exit_code: int | None, ended_by: int | None) -> Hit | None:
        if exit_code == 0:
            return None
        if self._killed_for is None and ended_by == signal.SIGXCPU:
            return "cpu"
        if self._killed_for is None and ended_by == signal.SIGXFSZ:
            return "disk"
        return self._noticed or self._killed_for


def kill_by_pidfd(pidfd: int) -> None:
    """Kill a process, if it is still there."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
