"""The sandbox of this machine, with the toolchains that it can use."""

import asyncio
import dataclasses
import os

from loguru import logger

from agents.sandbox.check_runner import MAX_LIMITS, CheckRunner
from agents.sandbox.choice import open_sandbox
from agents.sandbox.job import RunLimits
from agents.sandbox.languages.node import NodeToolchain
from agents.sandbox.languages.python import PythonToolchain
from agents.sandbox.node_toolchain import find_node_toolchain
from agents.sandbox.python_toolchain import ToolchainMissing, build_python_toolchain
from cogo.config.settings import Settings, cache_directory


async def open_check_runner(settings: Settings) -> CheckRunner | None:
    """Return the runner of checks, or None if no sandbox works on this machine."""
    sandbox = await open_sandbox(settings.sandbox, settings.sandbox_runtime)
    if sandbox is None:
        return None
    python: PythonToolchain | None = None
    why_not_python = ""
    try:
        python = await asyncio.to_thread(build_python_toolchain, cache_directory() / "toolchains")
    except (ToolchainMissing, OSError) as error:
        logger.warning("Python cannot be run in the sandbox", error=str(error))
        why_not_python = f"Python's toolchain cannot be installed: {error}"
    node: NodeToolchain | None = None
    why_not_node = ""
    try:
        node = await asyncio.to_thread(find_node_toolchain, cache_directory() / "toolchains")
    except ToolchainMissing as error:
        why_not_node = str(error)
    return CheckRunner(
        sandbox=sandbox,
        python=python,
        why_not_python=why_not_python,
        node=node,
        why_not_node=why_not_node,
        limits=build_limits(settings),
    )


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
