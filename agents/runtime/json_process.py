"""A program that answers lines of JSON, in a process of its own that can be killed."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from pydantic_core import to_json

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_END_SECONDS: Final = 1.0
_NO_ENVIRONMENT: Final = {"PATH": os.defpath, "LANG": "C.UTF-8"}


class NoAnswer(Exception):
    """The process has not answered in time, or it has ended. It is stopped.

    `is_late` also if it has ended by its own limit of CPU time (SIGPROF).
    """

    def __init__(self, message: str, *, is_late: bool) -> None:
        super().__init__(message)
        self.is_late = is_late


class JsonProcess:
    """Runs a program of ours, one request at a time. It is started at its first use.

    The program gets no variable of our environment, unless one is given, and ends when its stdin is
    closed.
    """

    def __init__(
        self,
        program: str,
        arguments: Sequence[str] = (),
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._environment = _NO_ENVIRONMENT if environment is None else environment
        self._command = (sys.executable, "-I", program, *arguments)
        self._process: Process | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    async def ask(self, request: Any, *, seconds: float) -> Any:
        """Return the answer to a request. Raises NoAnswer, or OSError if it cannot be started.

        Whatever ends this early also ends the process, or the next request would read its answer.
        """
        line = to_json(request)
        process = self._process if self.is_running else None
        try:
            process = process or await self._start()
            async with asyncio.timeout(seconds):
                return await _exchange(process, line)
        except TimeoutError:
            await self.stop()
            raise NoAnswer(f"it has not answered within {seconds:g} s", is_late=True) from None
        except (ConnectionError, ValueError, asyncio.LimitOverrunError):
            code = await self._wait_for_end()
            await self.stop()
            how = "it closed its pipes" if code is None else describe_exit(code)
            is_late = code == -signal.SIGPROF
            raise NoAnswer(f"its process has ended: {how}", is_late=is_late) from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Kill the process, and those that it has started."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            _kill_group(process)
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()

    async def _wait_for_end(self) -> int | None:
        """Return the exit code of the process, which may be there a moment after its pipes."""
        if self._process is None:
            return None
        try:
            async with asyncio.timeout(_END_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            return None

    async def _start(self) -> Process:
        # -I ignores the current directory and the environment. In its own session, Ctrl-C reaches
        # only the agent; when that ends, stdin is closed.
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            env=self._environment,
            limit=MAX_ANSWER_BYTES,
            start_new_session=True,
        )
        return self._process


def _kill_group(process: Process) -> None:
    """Kill a process that leads a session, with its group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:  # it is no leader yet, or no more
        with suppress(ProcessLookupError):
            process.kill()


def describe_exit(code: int) -> str:
    """Return an exit code, or the name of the signal that has ended a process."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


async def _exchange(process: Process, line: bytes) -> Any:
    requests, answers = process.stdin, process.stdout
    if requests is None or answers is None:
        raise ValueError("the process has no pipes")
    requests.write(line + b"\n")
    await requests.drain()
    return json.loads(await answers.readline())
