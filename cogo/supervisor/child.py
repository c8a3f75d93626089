"""A child process in its own session, which ends with its `async with` block."""

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import JsonValue, TypeAdapter

from cogo.errors import ChildFailed
from cogo.process.fork import build_fork
from cogo.supervisor.logfiles import open_log, read_last_line

_READY_LINE: Final = TypeAdapter(dict[str, JsonValue])


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """How to start one of our processes."""

    name: str
    arguments: tuple[str, ...]
    """Arguments of the interpreter; see `build_module_arguments`."""
    log: Path | None
    """Where its standard error goes; None: to ours."""
    patience: timedelta
    """How long it may take to end after SIGTERM."""
    agent_id: str | None = None
    """The id under which it holds leases, if it is an agent."""
    is_fork: bool = False
    """Whether it is a fork of this process, which has imported its modules."""


def build_module_arguments(name: str, *arguments: str) -> tuple[str, ...]:
    """Return the arguments that run one of our modules, ignoring the working directory."""
    return ("-P", "-m", name, *arguments)


class Child:
    """A running process. `async with` starts it and ends it when the block ends.

    It reports that it is ready with a line of JSON on its standard output. Its standard input is
    closed when this process ends; see `cogo.process.parent_watch`.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._log_begin = 0
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Self:
        """Start the process in its own session.

        Ctrl-C and a closed terminal then reach only this process, which signals its children.
        """
        with contextlib.ExitStack() as files:
            log = None if self._spec.log is None else files.enter_context(open_log(self._spec.log))
            self._log_begin = 0 if log is None else log.tell()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._spec.arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                # A fork has Python's own signals already.
                restore_signals=not self._spec.is_fork,
                preexec_fn=build_fork(*self._spec.arguments[2:]) if self._spec.is_fork else None,
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process: SIGTERM, and SIGKILL to its whole session after `patience`."""
        if self._process.returncode is None:
            self.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._spec.patience.total_seconds()):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            # Also its own child processes.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def send_line(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None  # noqa: S101 - it was opened with a pipe
        self._process.stdin.write(line.encode() + b"\n")

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped (SIGSTOP); always False where the system does not report it."""
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return False
        asked = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        try:
            return os.waitid(os.P_PID, self.pid, asked) is not None
        except ChildProcessError:
            return False

    async def wait_ready(self) -> dict[str, JsonValue]:
        """Wait for the line that reports that it is ready; return its content.

        Raises ChildFailed, with the last line of its log, if the process ends first.
        """
        assert self._process.stdout is not None  # noqa: S101 - it was opened with a pipe
        line = await self._process.stdout.readline()
        if line:
            return _READY_LINE.validate_json(line)
        code = await self._process.wait()
        reason = self.read_last_line() or "it wrote nothing"
        where = "see above" if self._spec.log is None else f"{reason} ({self._spec.log})"
        raise ChildFailed(f"{self._spec.name} ended with code {code}: {where}")

    async def wait(self) -> int:
        """Wait until the process has ended; return its exit code."""
        async with asyncio.TaskGroup() as group:
            # Keep reading, or a child that prints would block on a full pipe.
            reader = group.create_task(self._discard_output(), name=f"read {self._spec.name}")
            code = await self._process.wait()
            reader.cancel()
        return code

    async def _discard_output(self) -> None:
        output = self._process.stdout
        while output is not None and await output.read(65536):
            continue

    def read_last_line(self) -> str | None:
        """Return the last line that this process wrote to its log, or None if there is none."""
        if self._spec.log is None:
            return None
        last = read_last_line(self._spec.log, begin=self._log_begin)
        return None if last is None else last.removeprefix("cogo: ")
