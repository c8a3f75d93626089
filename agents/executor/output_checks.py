"""Static checks of an answer: that it is complete, that its code parses, that its data is right."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from loguru import logger
from pydantic import JsonValue

from agents.extraction import code_parser, schema_checker
from agents.extraction.limited_program import MEMORY_BYTES
from agents.runtime.json_process import JsonProcess, NoAnswer
from protocol.json_schema import find_mismatch, is_quick
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
    """Checks answers. What may take long is done in other processes that can be killed.

    They are started at their first use and end with the `async with` block.
    """

    def __init__(self, *, cpu_seconds: float = CPU_SECONDS) -> None:
        self._parser = _LimitedProgram(code_parser.__file__, cpu_seconds)
        self._schemas = _LimitedProgram(schema_checker.__file__, cpu_seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._parser.process.stop()
        await self._schemas.process.stop()

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

    async def find_mismatch(self, schema: Mapping[str, Any], data: JsonValue) -> str | None:
        """Return where data does not follow its schema, and how; None if it does."""
        if is_quick(schema, data):
            return find_mismatch(schema, data)
        try:
            found: str | None = await self._schemas.ask(schema, data)
        except NoAnswer:
            return f"it cannot be checked within {self._schemas.limits}"
        except OSError as error:
            return f"it cannot be checked: no process can be started: {error}"
        return found

    async def _parse(self, code: str, language: str) -> list[OutputCheck]:
        if len(code) > MAX_CHARACTERS:
            return []
        if len(code) <= MAX_INLINE_CHARACTERS:
            return [OutputCheck(name="parses", problem=code_parser.parse_problem(code, language))]
        try:
            problem = await self._parser.ask(code, language)
        except OSError as error:
            logger.warning("code cannot be parsed: no process can be started", error=str(error))
            return []
        except NoAnswer:
            problem = f"it cannot be parsed within {self._parser.limits}"
        return [OutputCheck(name="parses", problem=problem)]


class _LimitedProgram:
    """One of our programs with limits of time and memory, which does one thing at a time."""

    def __init__(self, program: str, cpu_seconds: float) -> None:
        self.process = JsonProcess(program)
        self.limits = f"{cpu_seconds:g} s of CPU time and {MEMORY_BYTES >> 20} MB"
        self._cpu_seconds = cpu_seconds
        self._free = asyncio.Lock()

    async def ask(self, *arguments: Any) -> Any:
        """Return the answer. Raises NoAnswer, or OSError if it cannot be started."""
        async with self._free:
            request = [self._cpu_seconds, *arguments]
            return await self.process.ask(request, seconds=WALL_SECONDS)


def find_problem(checks: tuple[OutputCheck, ...]) -> str | None:
    """Return the first problem, as the end of a sentence."""
    return next((f"{each.name}: {each.problem}" for each in checks if each.problem), None)
