"""The runner of checks: the params of a step in, a report out."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from agents.sandbox.check import (
    CheckParams,
    InvalidCheck,
    build_refused_report,
    build_unavailable_report,
    parse_check,
)
from agents.sandbox.job import InvalidJob, Job, Outcome, RunLimits, Sandbox
from agents.sandbox.languages.command import build_command_job, read_command_report
from agents.sandbox.languages.node import (
    NODE_LIMITS,
    NodeToolchain,
    build_node_job,
    needs_packages,
    read_node_report,
)
from agents.sandbox.languages.python import (
    PythonToolchain,
    build_python_job,
    read_python_report,
)
from agents.sandbox.report import Report
from protocol.lanes import SANDBOX

MAX_LIMITS: Final = RunLimits(
    wall_seconds=120, cpu_seconds=120, memory_mb=1024, processes=256, disk_mb=256
)
"""What a check may ask for if the settings say nothing."""
NO_PACKAGES: Final = (
    "TypeScript, JSX and vitest need packages that are not installed on the executor's machine: "
    "`cogo sandbox install node`"
)
_DEFAULTS: Final = RunLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRunner:
    """A sandbox, and the toolchains that are installed on this machine."""

    sandbox: Sandbox
    python: PythonToolchain | None
    why_not_python: str = "Python's toolchain is not installed"
    node: NodeToolchain | None = None
    why_not_node: str = "Node is not installed"
    limits: RunLimits = MAX_LIMITS

    @property
    def lanes(self) -> list[str]:
        """The lanes of what can be run here."""
        has_python, has_node = self.python is not None, self.node is not None
        found = {"python": has_python, "node": has_python and has_node, "command": True}
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
                return await self._run_node(check, check.bound_limits(NODE_LIMITS, self.limits))
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

    async def _run_node(self, check: CheckParams, limits: RunLimits) -> Report:
        if self.node is None or self.python is None:
            reason = self.why_not_node if self.node is None else self.why_not_python
            return build_unavailable_report(check.language, reason)
        if self.node.packages is None and needs_packages(check):
            return build_unavailable_report(check.language, NO_PACKAGES)
        secret = secrets.token_hex(16)
        job = build_node_job(check, self.node, self.python, limits=limits, secret=secret)
        outcome = await self.sandbox.run(job)
        return read_node_report(outcome, check, limits=limits, secret=secret)

    async def _run_command(self, check: CheckParams, limits: RunLimits) -> Report:
        outcome = await self.sandbox.run(self._build_command_job(check, limits))
        return read_command_report(outcome, check, limits=limits)

    async def run_command(
        self, check: CheckParams, files: Mapping[str, bytes]
    ) -> tuple[Outcome, RunLimits]:
        """Run the command of a check, with more files; return what it did, within which limits.

        Raises InvalidJob, or SandboxBroken if the sandbox could not be started.
        """
        limits = check.bound_limits(_DEFAULTS, self.limits)
        job = self._build_command_job(check, limits)
        return await self.sandbox.run(replace(job, files={**job.files, **files})), limits

    def _build_command_job(self, check: CheckParams, limits: RunLimits) -> Job:
        paths: list[Path] = []
        readable: list[Path] = []
        if self.python is not None:
            paths.append(self.python.folder / "bin")
            readable += [self.python.folder, *self.python.readable]
        if self.node is not None:
            paths.append(self.node.program.parent)
            readable += self.node.readable
            if self.node.packages is not None:
                paths.append(self.node.packages / "node_modules/.bin")
                readable.append(self.node.packages)
        return build_command_job(check, paths=paths, readable=readable, limits=limits)


def _read_language(params: Any) -> str:
    return str(params.get("language", "")) if isinstance(params, dict) else ""
