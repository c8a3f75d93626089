"""The reference servers of the protocol from npm, and the official one for Python."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from agents.tools.host import ToolFailed
from agents.tools.mcp import McpHost, McpServer
from agents.tools.mcp.limits import McpLimits
from tests.support.eventually import eventually
from tests.support.mcp.hosts import a_host
from tests.support.node import node_program
from tests.support.ports import a_port
from tests.support.sources import ROOT

PATIENT = ROOT / "tests/support/mcp/patient_server.py"


def a_program(folder: Path, name: str, *arguments: str, **settings: Any) -> McpServer:
    script = json.loads(
        (folder / f"node_modules/@modelcontextprotocol/{name}/package.json").read_text("utf-8")
    )["bin"]
    [path] = script.values()
    file = folder / f"node_modules/@modelcontextprotocol/{name}" / path
    return McpServer(
        name=name.removeprefix("server-"),
        command=(str(node_program()), str(file), *arguments),
        environment={"PATH": os.defpath, "LANG": "C.UTF-8"},
        **settings,
    )


@asynccontextmanager
async def run_over_http(command: tuple[str, ...], port: int) -> AsyncIterator[str]:
    environment = {"PATH": os.defpath, "PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await eventually(lambda: _answers(port), within=60)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        await process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.fixture(params=["stdio", "http"])
async def everything(
    request: pytest.FixtureRequest, javascript_folder: Path
) -> AsyncIterator[McpHost]:
    program = a_program(javascript_folder, "server-everything")
    if request.param == "stdio":
        async with a_host(program, limits=McpLimits()) as host:
            yield host
        return
    async with (
        run_over_http((*program.command, "streamableHttp"), a_port()) as url,
        a_host(McpServer(name="everything", url=url), limits=McpLimits()) as host,
    ):
        yield host


async def call(host: McpHost, tool: str, **arguments: Any) -> Any:
    return await host.run_tool(f"mcp:everything/{tool}", arguments)


async def test_the_reference_server_for_everything(everything: McpHost) -> None:
    names = {each.name for each in await everything.list_tools()}

    assert "mcp:everything/echo" in names
    assert everything.problems == {}
    assert (await call(everything, "echo", message="hi")).content == "Echo: hi"
    assert (await call(everything, "get-sum", a=1, b=2)).content == "The sum of 1 and 2 is 3."
    with pytest.raises(ToolFailed, match='"message" is a required property'):
        await call(everything, "echo", text="hi")
    image = await call(everything, "get-tiny-image")
    assert [each.media_type for each in image.attachments] == ["image/png"]
    data = (await call(everything, "get-structured-content", location="Chicago")).content
    assert data.keys() == {"temperature", "conditions", "humidity"}
    links = (await call(everything, "get-resource-links", count=2)).content
    assert "demo://resource/" in links
    long = await call(everything, "trigger-long-running-operation", duration=0.2, steps=2)
    assert long.content.startswith("Long running operation completed")


async def test_the_reference_server_for_files(javascript_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "inside.txt").write_text("what is inside", "utf-8")
    server = a_program(javascript_folder, "server-filesystem", str(tmp_path), is_read_only=True)

    async with a_host(server, limits=McpLimits()) as host:
        tools = {each.name: each for each in await host.list_tools()}
        file = {"path": str(tmp_path / "inside.txt")}
        text = (await host.run_tool("mcp:filesystem/read_text_file", file)).content
        outside = await host.run_tool("mcp:filesystem/read_text_file", {"path": "/etc/hostname"})
        with pytest.raises(ToolFailed, match="read_only = true"):
            await host.run_tool("mcp:filesystem/write_file", {**file, "content": "changed"})

    assert all(each.is_idempotent for each in tools.values())
    assert text == {"content": "what is inside"}
    assert outside.is_error
    assert (tmp_path / "inside.txt").read_text("utf-8") == "what is inside"


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_a_server_of_the_current_protocol(transport: str) -> None:
    command = (sys.executable, str(PATIENT))
    lines: list[dict[str, Any]] = []
    sink = logger.add(lambda message: lines.append(message.record["extra"]), level="INFO")
    try:
        if transport == "stdio":
            environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
            server = McpServer(name="patient", command=command, environment=environment)
            async with a_host(server, limits=McpLimits()) as host:
                await _use_patient_server(host)
        else:
            port = a_port()
            async with run_over_http((*command, str(port)), port) as url:
                server = McpServer(name="patient", url=url)
                async with a_host(server, limits=McpLimits()) as host:
                    await _use_patient_server(host)
    finally:
        logger.remove(sink)

    assert {each["protocol"] for each in lines if "protocol" in each} == {"2026-07-28"}


async def _use_patient_server(host: McpHost) -> None:
    assert {each.name for each in await host.list_tools()} == {
        "mcp:patient/wait", "mcp:patient/count", "mcp:patient/release", "mcp:patient/learn",
    }  # fmt: skip
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(host.run_tool("mcp:patient/wait", {"name": "a"}))
        counted = await host.run_tool("mcp:patient/count", {"least": 1})
        await host.run_tool("mcp:patient/release", {"name": "a"})
    assert counted.content == {"result": "1"}
    assert waiting.result().content == {"result": "a"}
    await host.run_tool("mcp:patient/learn", {})
    await eventually(lambda: "mcp:patient/learned" in host.names, within=30)
