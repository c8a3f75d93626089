"""Checks in the real sandbox of this machine, or a reason why they cannot be run."""

from pathlib import Path

import pytest

from agents.sandbox.check_runner import CheckRunner
from agents.sandbox.choice import open_sandbox
from agents.sandbox.languages.node import NodeToolchain
from agents.sandbox.node_toolchain import find_node_toolchain
from agents.sandbox.python_toolchain import ToolchainMissing, build_python_toolchain


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
