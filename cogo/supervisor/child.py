"""A child process: started in a session of its own, gone when its block ends."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from pydantic import JsonValue, TypeAdapter

from cogo.errors import ChildFailed
from cogo.supervisor.process import Forked, Forker, Process

_GREETING: Final = TypeAdapter(dict[str, JsonValue])
_TAIL_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """How to start one process of ours."""

    name: str
    arguments: tuple[str, ...]
    """What follows the interpreter; see `module`."""
    log: Path | None
    """Where its standard error goes; None: to ours."""
    patience: timedelta
    """How long it may take to end after SIGTERM."""
    descriptors: tuple[int, ...] = ()
    """What it inherits beside its standard streams; ours are closed when it has started."""


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """Give the arguments that run a module of ours, whatever lies in the working directory."""
    return ("-P", "-m", name, *arguments)


class Child:
    """A running process. `async with` starts it; when the block ends, so has the process.

    It says that it is ready by a line of JSON on its standard output.
    """

    def __init__(self, spec: Spec, *, forker: Forker | None = None) -> None:
        self._spec = spec
        self._forker = forker
        self._process: Process
        self._streams = contextlib.ExitStack()

    async def __aenter__(self) -> Self:
        """Start the process in a session of its own.

        Ctrl-C and a closed terminal reach us, and we tell the others.
        """
        with contextlib.ExitStack() as files:
            for descriptor in self._spec.descriptors:
                files.callback(os.close, descriptor)
            log = self._spec.log
            target = None if log is None else files.enter_context(_private_file(log))
            forked = await self._forked(target)
            self._process = forked or await asyncio.create_subprocess_exec(
                sys.executable,
                *self._spec.arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=target,
                start_new_session=True,
                pass_fds=self._spec.descriptors,
            )
        return self

    async def _forked(self, target: BinaryIO | None) -> Forked | None:
        if self._forker is None:
            return None
        errors = None if target is None else target.fileno()
        forked = await self._forker.fork(self._spec.arguments, errors)
        if forked is not None:
            self._streams.callback(forked.close)
        return forked

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process: SIGTERM, and SIGKILL to its whole session when patience is over."""
        if self._process.returncode is None:
            self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._spec.patience.total_seconds()):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            # Also what the process itself left behind.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            self._streams.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the process is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def greet(self, greeting: Mapping[str, JsonValue]) -> None:
        """Write its one line of standard input: this way no secret is in its arguments."""
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(dict(greeting)).encode() + b"\n")

    @property
    def is_still(self) -> bool:
        """Whether it was stopped (SIGSTOP) and does not run; False where nobody can tell."""
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return False
        asked = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        try:
            return os.waitid(os.P_PID, self.pid, asked) is not None
        except ChildProcessError:
            return False

    async def ready(self) -> dict[str, JsonValue]:
        """Wait for the line that says it is ready; give what that says.

        Raises ChildFailed, with the last line of its log, when it ends before.
        """
        assert self._process.stdout is not None  # noqa: S101 - it was opened with a pipe
        line = await self._process.stdout.readline()
        if line:
            return _GREETING.validate_json(line)
        code = await self._process.wait()
        raise ChildFailed(f"{self._spec.name} ended with code {code}: {self._last_words()}")

    async def wait(self) -> int:
        """Wait until the process has ended; give its exit code."""
        async with asyncio.TaskGroup() as group:
            # Read on, or a child that prints would hang on a full pipe.
            reader = group.create_task(self._discard_output(), name=f"read {self._spec.name}")
            code = await self._process.wait()
            reader.cancel()
        return code

    async def _discard_output(self) -> None:
        output = self._process.stdout
        while output is not None and await output.read(65536):
            continue

    def _last_words(self) -> str:
        if self._spec.log is None:
            return "see above"
        with self._spec.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
        last = lines[-1].removeprefix("cogo: ") if lines else "it said nothing"
        return f"{last} ({self._spec.log})"


def _private_file(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
