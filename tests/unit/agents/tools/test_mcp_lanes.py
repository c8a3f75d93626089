"""The lanes of MCP servers, which belong to executors that can use them."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agents.tools.host import ToolFailed
from agents.tools.mcp import McpHost
from tests.support.eventually import eventually
from tests.support.mcp.hosts import HOSTILE, a_host, a_hostile_server


async def call(host: McpHost, tool: str) -> object:
    """Return what it gives, or the class of its error."""
    try:
        return (await host.run_tool(f"mcp:bad/{tool}", {"text": "hello"})).content
    except ToolFailed as error:
        return error.error_class


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


async def test_a_server_that_is_repaired_is_used(log: Path, tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    server = replace(
        a_hostile_server(log), command=(sys.executable, str(script), str(log)), name="bad"
    )

    async with a_host(server) as host:
        assert not await host.list_tools()
        assert host.problems
        assert host.lanes == [], "work of workflows is left to those that can do it"
        script.write_text(HOSTILE.read_text("utf-8"), "utf-8")
        await eventually(lambda: "mcp:bad/echo" in host.names)
        assert not host.problems
        assert host.lanes == ["tools:mcp.bad"]
        assert await call(host, "echo") == "hello"


async def test_a_server_that_cannot_be_started_again_gives_its_lane_up_until_it_can(
    log: Path, tmp_path: Path
) -> None:
    script = tmp_path / "server.py"
    script.write_text(HOSTILE.read_text("utf-8"), "utf-8")
    command = (sys.executable, str(script), str(log))

    async with a_host(replace(a_hostile_server(log), command=command)) as host:
        await host.list_tools()
        assert await call(host, "die") == "outcome_unknown"
        assert host.lanes == ["tools:mcp.bad"], "the next call starts it again"
        script.write_text("raise SystemExit(3)", "utf-8")
        assert await call(host, "echo") == "unknown_tool"
        assert host.lanes == []
        script.write_text(HOSTILE.read_text("utf-8"), "utf-8")
        await eventually(lambda: host.lanes)

        assert await call(host, "echo") == "hello"
