"""The tool that runs code in the sandbox."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import Field, JsonValue

from agents.sandbox.check import InvalidCheck, explain_hit, parse_check
from agents.sandbox.check_runner import CheckRunner
from agents.sandbox.job import InvalidJob, Outcome, RunLimits, SandboxBroken
from agents.tools.host import ToolFailed
from agents.tools.own.offer import ToolArguments, describe_own_tool, parse_tool_arguments
from agents.tools.own.repository import list_task_files
from agents.tools.toolbox import OfferedTool, ToolContext, ToolOutput
from agents.tools.worker import INVALID_ARGUMENTS, TOOL_FAILED

MAX_OUTPUT: Final = 12_000
"""Characters of each stream that a model reads: the beginning and the end."""
_STDIN: Final = ".cogo-stdin"
_OVERTIME: Final = 30.0
"""Seconds for the sandbox itself, beside those of the code."""
_PROGRAMS: Final = {
    "python": ("main.py", "python main.py"),
    "javascript": ("main.mjs", "node main.mjs"),
    "shell": ("main.sh", "sh main.sh"),
}
"""The file of the code, and the command that runs it."""


class _Arguments(ToolArguments):
    language: str
    code: str = Field(
        min_length=1,
        max_length=500_000,
        description="The program. It prints what you want to know.",
    )
    files: dict[str, str] | None = Field(
        default=None,
        max_length=100,
        description="Files that it needs, by path. The files of the task are there too.",
    )
    stdin: str | None = Field(default=None, max_length=1_000_000)
    seconds: float | None = Field(
        default=None,
        gt=0,
        le=3_600,
        description="After how many seconds it is ended; there is a limit.",
    )


class RunCode:
    """Runs a program and returns what it prints."""

    def __init__(self, checks: CheckRunner) -> None:
        self._checks = checks

    @staticmethod
    def list_languages(checks: CheckRunner) -> list[str]:
        """Return the languages that can be run."""
        found = {"python": checks.python, "javascript": checks.node, "shell": checks.python}
        return [name for name, is_there in found.items() if is_there is not None]

    @property
    def offer(self) -> OfferedTool:
        """How models get to know it."""
        languages = self.list_languages(self._checks)
        offer = describe_own_tool(
            "run_code",
            _Arguments,
            f"Run a program ({', '.join(languages)}) in a sandbox without network and return its "
            "exit code and what it prints. Each run begins in a fresh directory. Use it to "
            "compute, to test code, or to look at data instead of guessing.",
            seconds=self._checks.limits.wall_seconds + _OVERTIME,
        )
        properties = dict(offer.parameters["properties"])
        properties["language"] = {"type": "string", "enum": languages}
        return replace(offer, parameters={**offer.parameters, "properties": properties})

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Run a program. Raises ToolFailed."""
        asked = parse_tool_arguments(_Arguments, arguments)
        languages = self.list_languages(self._checks)
        if asked.language not in languages:
            raise ToolFailed(INVALID_ARGUMENTS, f"language: it is one of {', '.join(languages)}")
        file, command = _PROGRAMS[asked.language]
        given = {**list_task_files(context.params), **(asked.files or {}), file: asked.code}
        try:
            check = parse_check(
                {
                    "files": given,
                    "command": f"{command} < {_STDIN}",
                    "limits": {"wall_seconds": asked.seconds, "cpu_seconds": asked.seconds},
                }
            )
            extra = {_STDIN: (asked.stdin or "").encode("utf-8", "replace")}
            outcome, limits = await self._checks.run_command(check, extra)
        except (InvalidCheck, InvalidJob) as error:
            raise ToolFailed(INVALID_ARGUMENTS, str(error)) from error
        except (SandboxBroken, OSError) as error:
            raise ToolFailed(TOOL_FAILED, f"the sandbox could not run it: {error}") from error
        return ToolOutput(content=_describe(outcome, limits))


def _describe(outcome: Outcome, limits: RunLimits) -> dict[str, JsonValue]:
    stdout, stderr = _decode(outcome.stdout), _decode(outcome.stderr)
    shown = {name: _cut(text) for name, text in (("stdout", stdout), ("stderr", stderr))}
    described: dict[str, JsonValue] = {
        "exit_code": outcome.exit_code,
        **shown,
        "seconds": round(outcome.seconds, 2),
    }
    if hit := explain_hit(outcome, limits):
        described["ended"] = hit[1]
    elif outcome.signal is not None:
        described["ended"] = f"signal {outcome.signal}"
    if shown != {"stdout": stdout, "stderr": stderr}:
        described["cut"] = True
    return described


def _decode(stream: bytes) -> str:
    return stream.decode("utf-8", "replace").replace("\0", "\ufffd")


def _cut(text: str) -> str:
    if len(text) <= MAX_OUTPUT:
        return text
    half = MAX_OUTPUT // 2
    return f"{text[:half]}\n[... {len(text) - MAX_OUTPUT:,} characters ...]\n{text[-half:]}"
