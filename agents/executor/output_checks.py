"""Static checks of an answer: that it is complete and that its code parses."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from loguru import logger

from agents.executor import code_parser
from providers.chat import FinishReason

MAX_INLINE_CHARACTERS: Final = 2_000
"""Code up to this length is parsed in this process, because that is always fast."""
MAX_CHARACTERS: Final = 500_000
"""Longer code is not parsed."""
CPU_SECONDS: Final = 5.0
WALL_SECONDS: Final = 60.0
"""Timeout for a parser process that gets no CPU time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputCheck:
    """The result of one check."""

    name: str
    problem: str | None = None
    """None if it passed."""

    def to_json(self) -> dict[str, Any]:
        """Return the check as it is stored in an output."""
        return {"name": self.name, "passed": self.problem is None, "problem": self.problem}


class Checker:
    """Checks answers. Long code is parsed in another process that can be killed, one at a time.

    The process is started at its first use and ends with the `async with` block.
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
        await self._stop()

    async def check(
        self, *, text: str, finish_reason: str | None, code: str | None, language: str | None
    ) -> tuple[OutputCheck, ...]:
        """Check an answer; `code` is its extracted code, or None if it needs none.

        Code is parsed if its language is one of `code_parser.PARSERS`.
        """
        is_cut = finish_reason == FinishReason.LENGTH
        checks = [
            OutputCheck(name="ends", problem="it was cut at the model's limit" if is_cut else None)
        ]
        content = text if code is None else code
        checks.append(
            OutputCheck(name="says something", problem=None if content.strip() else "it is empty")
        )
        name = (language or "").lower()
        if code is not None and code.strip() and name in code_parser.PARSERS:
            checks += await self._parse(code, name)
        return tuple(checks)

    async def _parse(self, code: str, language: str) -> list[OutputCheck]:
        if len(code) > MAX_CHARACTERS:
            return []
        if len(code) <= MAX_INLINE_CHARACTERS:
            return [OutputCheck(name="parses", problem=code_parser.parse_problem(code, language))]
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
                await self._stop()  # or the next request would read this answer
                raise
            if problem is _NO_ANSWER:
                await self._stop()
                problem = (
                    f"it cannot be parsed within {self._cpu_seconds:g} s of CPU time "
                    f"and {code_parser.MEMORY_BYTES >> 20} MB"
                )
        return [OutputCheck(name="parses", problem=problem)]

    async def _start(self) -> Process:
        # -I ignores the current directory and the environment. In its own session, Ctrl-C reaches
        # only the agent; when that ends, stdin is closed.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(Path(code_parser.__file__)),
            stdin=PIPE,
            stdout=PIPE,
            start_new_session=True,
        )
        return self._process

    async def _stop(self) -> None:
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
    """Return the problem that the process finds, or _NO_ANSWER if it ends without an answer."""
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
    """Return the first problem, as the end of a sentence."""
    return next((f"{each.name}: {each.problem}" for each in checks if each.problem), None)
