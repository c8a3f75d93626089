"""The runner of checks: the params of a step in, a report out."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agents.sandbox.check import (
    CheckParams,
    InvalidCheck,
    build_refused_report,
    build_unavailable_report,
    parse_check,
)
from agents.sandbox.job import InvalidJob, RunLimits, Sandbox
from agents.sandbox.languages.command import build_command_job, read_command_report
from agents.sandbox.languages.python import (
    PythonToolchain,
    build_python_job,
    read_python_report,
)
from agents.sandbox.report import Report
from protocol.lanes import SANDBOX

MAX_LIMITS: Final = RunLimits(
    wall_seconds=120, cpu_seconds=120, memory_mb=1024, processes=128, disk_mb=256
)
"""What a check may ask for if the settings say nothing."""
_DEFAULTS: Final = RunLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRunner:
    """A sandbox, and the toolchains that are installed on this machine."""

    sandbox: Sandbox
    python: PythonToolchain | None
    why_not_python: str = "Python's toolchain is not installed"
    limits: RunLimits = MAX_LIMITS

    @property
    def lanes(self) -> list[str]:
        """The lanes of what can be run here."""
        found = {"python": self.python is not None, "command": True}
        return [SANDBOX + name for name, is_there in sorted(found.items()) if is_there]

    async def run(self, params: Any) -> Report:
        """Run a check and return its report, whatever the code or the params are like.

        Raises SandboxBroken if the sandbox could not be started.
        """
        try:
            check = parse_check(params)
        except InvalidCheck as error:
            return build_refused_report(_read_language(params), str(error))
        try:
            return await self._run(check)
        except InvalidJob as error:
            return build_refused_report(check.language, str(error))

    async def _run(self, check: CheckParams) -> Report:
        limits = check.bound_limits(_DEFAULTS, self.limits)
        match check.runner:
            case "command":
                return await self._run_command(check, limits)
            case "python":
                return await self._run_python(check, limits)
            case "node":
                return build_unavailable_report(check.language, "Node is not installed")
            case None:
                reason = f"the sandbox cannot run {check.language[:50]!r}"
                return build_unavailable_report(check.language, reason)

    async def _run_python(self, check: CheckParams, limits: RunLimits) -> Report:
        if self.python is None:
            return build_unavailable_report(check.language, self.why_not_python)
        secret = secrets.token_hex(16)
        job = build_python_job(check, self.python, limits=limits, secret=secret)
        outcome = await self.sandbox.run(job)
        return read_python_report(outcome, check, limits=limits, secret=secret)

    async def _run_command(self, check: CheckParams, limits: RunLimits) -> Report:
        paths: list[Path] = []
        readable: list[Path] = []
        if self.python is not None:
            paths.append(self.python.folder / "bin")
            readable += [self.python.folder, *self.python.readable]
        job = build_command_job(check, paths=paths, readable=readable, limits=limits)
        return read_command_report(await self.sandbox.run(job), check, limits=limits)


def _read_language(params: Any) -> str:
    return str(params.get("language", "")) if isinstance(params, dict) else ""
