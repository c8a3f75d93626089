"""The sandbox of this machine, with the toolchains that it can use."""

import asyncio
import dataclasses
import os
from pathlib import Path

from loguru import logger

from agents.sandbox.check_runner import MAX_LIMITS, CheckRunner
from agents.sandbox.choice import open_sandbox
from agents.sandbox.job import Job, Outcome, RunLimits, Sandbox, SandboxBroken
from agents.sandbox.languages.node import NodeToolchain
from agents.sandbox.languages.python import PythonToolchain
from agents.sandbox.node_toolchain import find_node_toolchain
from agents.sandbox.python_toolchain import (
    ToolchainMissing,
    build_python_toolchain,
    find_python_toolchain,
)
from cogo.config.settings import Settings, cache_directory


async def open_check_runner(settings: Settings) -> CheckRunner | None:
    """Return the runner of checks, or None if no sandbox works on this machine."""
    cache = cache_directory() / "toolchains"
    async with asyncio.TaskGroup() as group:
        # Both wait for programs.
        opening = group.create_task(
            open_sandbox(settings.sandbox, settings.sandbox_runtime), name="open sandbox"
        )
        finding = group.create_task(asyncio.to_thread(_find_node, cache), name="find node")
    sandbox = opening.result()
    if sandbox is None:
        return None
    python: PythonToolchain | None = None
    why_not_python = ""
    try:
        python = find_python_toolchain(cache)
        sandbox = SandboxWithPython(sandbox, cache, python)
    except (ToolchainMissing, OSError) as error:
        logger.warning("Python cannot be run in the sandbox", error=str(error))
        why_not_python = f"Python's toolchain cannot be installed: {error}"
    node, why_not_node = finding.result()
    return CheckRunner(
        sandbox=sandbox,
        python=python,
        why_not_python=why_not_python,
        node=node,
        why_not_node=why_not_node,
        limits=build_limits(settings),
    )


def _find_node(cache: Path) -> tuple[NodeToolchain | None, str]:
    """Return Node, or why it cannot be used."""
    try:
        return find_node_toolchain(cache), ""
    except ToolchainMissing as error:
        return None, str(error)


class SandboxWithPython:
    """A sandbox that builds Python's toolchain before the first job that reads it.

    That takes half a second of CPU, which a start need not wait for.
    """

    def __init__(self, inner: Sandbox, cache: Path, python: PythonToolchain) -> None:
        self._inner = inner
        self._cache = cache
        self._folder = python.folder
        self._building = asyncio.Lock()

    @property
    def name(self) -> str:
        """The name of the backend."""
        return self._inner.name

    async def run(self, job: Job) -> Outcome:
        """Run a job. Raises as the backend does, and SandboxBroken without the toolchain."""
        if self._folder in job.readable:
            await self._build()
        return await self._inner.run(job)

    async def _build(self) -> None:
        async with self._building:
            if not self._folder.is_dir():
                try:
                    await asyncio.to_thread(build_python_toolchain, self._cache)
                except (ToolchainMissing, OSError) as error:
                    raise SandboxBroken(f"Python's toolchain cannot be built: {error}") from error


def build_limits(settings: Settings) -> RunLimits:
    """Return the most that a check may ask for."""
    return dataclasses.replace(
        MAX_LIMITS,
        wall_seconds=settings.check_seconds,
        cpu_seconds=settings.check_seconds,
        memory_mb=settings.check_memory_mb,
    )


def count_check_slots(settings: Settings) -> int:
    """Return how many checks an executor runs at once."""
    if settings.check_slots is not None:
        return settings.check_slots
    return os.cpu_count() or 1
