"""Runs of checks: as plain processes, or in the real sandbox of this machine."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from agents.sandbox.check_runner import CheckRunner
from agents.sandbox.choice import open_sandbox
from agents.sandbox.job import Job, Outcome
from agents.sandbox.languages.node import NodeToolchain
from agents.sandbox.node_toolchain import find_node_toolchain
from agents.sandbox.python_toolchain import ToolchainMissing, build_python_toolchain


def run_plain_job(job: Job, folder: Path) -> Outcome:
    """Run a job without a sandbox, in a process group that is killed at its end."""
    for path, content in job.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    started = time.monotonic()
    process = subprocess.Popen(
        job.command,
        cwd=folder,
        env={**job.environment, "PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    hit = None
    try:
        stdout, stderr = process.communicate(timeout=job.limits.wall_seconds)
    except subprocess.TimeoutExpired:
        hit = "wall"
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
    code = process.returncode
    return Outcome(
        exit_code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        stdout=stdout,
        stderr=stderr,
        seconds=time.monotonic() - started,
        cpu_seconds=0,
        peak_memory_mb=0,
        hit="wall" if hit else None,
        backend="none",
    )


async def open_real_runner(folder: Path, *, node: NodeToolchain | None = None) -> CheckRunner:
    """Return a runner with Python's toolchain in `folder`; skip the test if no sandbox works."""
    sandbox = await open_sandbox()
    if sandbox is None:
        pytest.skip("no sandbox works on this machine: user namespaces are not available")
    return CheckRunner(sandbox=sandbox, python=build_python_toolchain(folder), node=node)


def find_node(cache: Path, *, with_packages: bool) -> NodeToolchain:
    """Return Node, and its packages if they are wanted; skip the test if they are missing."""
    try:
        node = find_node_toolchain(cache)
    except ToolchainMissing as error:
        pytest.skip(str(error))
    if with_packages and node.packages is None:
        pytest.skip("the packages of `cogo sandbox install node` are not installed")
    return node
