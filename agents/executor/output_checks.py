"""Static checks of an answer: that it is complete and that its code parses."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from loguru import logger

from agents.extraction import code_parser
from agents.runtime.json_process import JsonProcess, NoAnswer
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
        self._process = JsonProcess(code_parser.__file__)
        self._free = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._process.stop()

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
        async with self._free:
            try:
                problem = await self._process.ask(
                    [code, language, self._cpu_seconds], seconds=WALL_SECONDS
                )
            except OSError as error:
                logger.warning("code cannot be parsed: no process can be started", error=str(error))
                return []
            except NoAnswer:
                problem = (
                    f"it cannot be parsed within {self._cpu_seconds:g} s of CPU time "
                    f"and {code_parser.MEMORY_BYTES >> 20} MB"
                )
        return [OutputCheck(name="parses", problem=problem)]


def find_problem(checks: tuple[OutputCheck, ...]) -> str | None:
    """Return the first problem, as the end of a sentence."""
    return next((f"{each.name}: {each.problem}" for each in checks if each.problem), None)
