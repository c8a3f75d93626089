"""Tools run in processes that can be killed; whatever they do harms nobody else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.tools.host import ToolFailed, ToolHost
from providers.secrets import Redactor
from tests.support.eventually import eventually
from tests.support.processes import is_running

TOOLS = """
import os
import subprocess
import sys
import time

from cogo.workflows import tool

print("printed while it is imported")


@tool
def tell(variable: str) -> dict[str, str | None]:
    print("printed while it runs")
    return {variable: os.environ.get(variable), "input": sys.stdin.read()}


@tool
async def process() -> int:
    return os.getpid()


@tool(timeout=0.3)
def hang(file: str) -> None:
    child = subprocess.Popen(["sleep", "600"])
    with open(file, "w") as log:
        log.write(f"{os.getpid()} {child.pid}")
    time.sleep(600)


@tool(idempotent=True, timeout=0.3)
def wait() -> None:
    time.sleep(600)


@tool
def die() -> None:
    os._exit(3)


@tool(idempotent=True)
def die_again() -> None:
    os._exit(3)


@tool
def leave() -> None:
    raise SystemExit("enough of super-secret-value")


@tool
def opaque() -> object:
    return object()


@tool
def endless() -> float:
    return float("inf")


@tool
def large() -> str:
    return "x" * 2_000_000


@tool
def copy() -> str:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return "the tool" if child else "its copy"


@tool
def halves() -> str:
    return "\\ud83d \\x00"
"""


def a_host(folder: Path, *more: str) -> ToolHost:
    (folder / "tools_of_host.py").write_text(TOOLS, "utf-8")
    return ToolHost(
        modules=["tools_of_host", *more],
        folders=[folder],
        environment={"SHOP_URL": "https://shop", "PATH": "/usr/bin:/bin"},
        redactor=Redactor(["super-secret-value"]),
    )


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[ToolHost]:
    async with a_host(tmp_path) as host:
        yield host


async def run(host: ToolHost, name: str, **arguments: Any) -> Any:
    return await host.run_tool("tools_of_host", name, arguments)


async def fail(host: ToolHost, name: str, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ToolFailed) as caught:
        await run(host, name, **arguments)
    return caught.value.error_class, caught.value.message


async def test_modules_that_cannot_be_used_are_named_and_the_others_work(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("from cogo.workflows import tool\n\n1 / 0\n", "utf-8")
    (tmp_path / "none.py").write_text("x = 1\n", "utf-8")

    async with a_host(tmp_path, "broken", "none", "absent") as host:
        assert host.lanes == ["tools:tools_of_host"]
        assert "broken.py:3: ZeroDivisionError" in host.problems["broken"]
        assert "no tool, a function with @tool" in host.problems["none"]
        assert "No module named" in host.problems["absent"]


async def test_a_process_serves_calls_with_the_given_environment_and_no_input(
    host: ToolHost,
) -> None:
    assert await run(host, "tell", variable="SHOP_URL") == {"SHOP_URL": "https://shop", "input": ""}
    assert await run(host, "process") == await run(host, "process")
    assert await run(host, "tell", variable="HOME") == {"HOME": None, "input": ""}


async def test_what_takes_too_long_is_killed_with_what_it_has_started(
    host: ToolHost, tmp_path: Path
) -> None:
    file = tmp_path / "pids"

    error_class, message = await fail(host, "hang", file=str(file))

    assert error_class == "outcome_unknown"
    assert "0.3 s" in message
    pids = [int(each) for each in file.read_text().split()]
    await eventually(lambda: not any(map(is_running, pids)), within=20)


async def test_failures_of_tools(host: ToolHost) -> None:
    for name, error_class, message in (
        ("wait", "tool_timeout", "wait has not returned within 0.3 s"),
        ("die", "outcome_unknown", "exit code 3"),
        ("die_again", "tool_failed", "exit code 3"),
        ("leave", "tool_failed", "SystemExit: enough of [redacted]"),
        ("opaque", "tool_failed", "opaque has run, but its result is no JSON"),
        ("endless", "tool_failed", "endless has run, but its result is no JSON"),
        ("large", "tool_failed", "more than 1048576"),
        ("gone", "unknown_tool", "no tool gone"),
    ):
        found = await fail(host, name)

        assert found[0] == error_class
        assert message in found[1]


async def test_a_copy_that_a_tool_has_made_of_its_process_does_not_answer(host: ToolHost) -> None:
    assert await run(host, "copy") == "the tool"
    assert await run(host, "tell", variable="HOME") == {"HOME": None, "input": ""}


async def test_text_that_cannot_be_stored_is_mended(host: ToolHost) -> None:
    """Halves of a character, and NUL."""
    assert await run(host, "halves") == "\ufffd \ufffd"
