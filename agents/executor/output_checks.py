"""What an answer shows without being run: whether it ends, and whether its code parses."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from loguru import logger

from agents.executor import code_parser as parsing
from providers.chat import FinishReason

SHORT: Final = 2_000
"""Characters that no parser needs more than a moment for: these are parsed in this process."""
MAX_CHARACTERS: Final = 500_000
"""Longer code is not parsed."""
CPU_SECONDS: Final = 5.0
WALL_SECONDS: Final = 60.0
"""For a process that gets no CPU time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputCheck:
    """One thing that was looked at."""

    name: str
    problem: str | None = None
    """None: it passed."""

    def to_json(self) -> dict[str, Any]:
        """Give it as an output holds it."""
        return {"name": self.name, "passed": self.problem is None, "problem": self.problem}


class Checker:
    """Checks answers. Long code is parsed in a process that can be killed, one after the other.

    The process is started when it is first needed and ends with the `async with` block.
    """

    def __init__(self, *, cpu_seconds: float = CPU_SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._process: Process | None = None
        self._free = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._end()

    async def check(
        self, *, text: str, finish_reason: str | None, code: str | None, language: str | None
    ) -> tuple[OutputCheck, ...]:
        """Check an answer; `code` is what was extracted from it, None when it need not hold any.

        Code is parsed where its language is known and this Python can read it.
        """
        is_cut = finish_reason == FinishReason.LENGTH
        checks = [
            OutputCheck(name="ends", problem="it was cut at the model's limit" if is_cut else None)
        ]
        said = text if code is None else code
        checks.append(
            OutputCheck(name="says something", problem=None if said.strip() else "it is empty")
        )
        name = (language or "").lower()
        if code is not None and code.strip() and name in parsing.PARSERS:
            checks += await self._parsed(code, name)
        return tuple(checks)

    async def _parsed(self, code: str, language: str) -> list[OutputCheck]:
        if len(code) > MAX_CHARACTERS:
            return []
        if len(code) <= SHORT:
            return [OutputCheck(name="parses", problem=parsing.parse_problem(code, language))]
        line = await asyncio.to_thread(json.dumps, [code, language, self._cpu_seconds])
        async with self._free:
            try:
                process = self._process or await self._start()
            except OSError as error:
                logger.warning("code cannot be parsed: no process can be started", error=str(error))
                return []
            try:
                problem = await _ask(process, line)
            except BaseException:
                await self._end()  # or the next answer would be that to this code
                raise
            if problem is _NO_ANSWER:
                await self._end()
                problem = (
                    f"it cannot be parsed within {self._cpu_seconds:g} s of CPU time "
                    f"and {parsing.MEMORY_BYTES >> 20} MB"
                )
        return [OutputCheck(name="parses", problem=problem)]

    async def _start(self) -> Process:
        # -I: nothing of the current directory or the environment is imported. A session of its own:
        # Ctrl-C is for the agent, whose end closes stdin.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(Path(parsing.__file__)),
            stdin=PIPE,
            stdout=PIPE,
            start_new_session=True,
        )
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


_NO_ANSWER: Final = "no answer"


async def _ask(process: Process, line: str) -> str | None:
    """Return the problem that the process finds, or _NO_ANSWER when it ends before."""
    requests, answers = process.stdin, process.stdout
    if requests is None or answers is None:
        raise ValueError("the process has no pipes")
    try:
        async with asyncio.timeout(WALL_SECONDS):
            requests.write(f"{line}\n".encode())
            await requests.drain()
            found: str | None = json.loads(await answers.readline())
    except (TimeoutError, ConnectionError, json.JSONDecodeError):
        return _NO_ANSWER
    return found


def find_problem(checks: tuple[OutputCheck, ...]) -> str | None:
    """Give the first problem as half a sentence."""
    return next((f"{each.name}: {each.problem}" for each in checks if each.problem), None)
