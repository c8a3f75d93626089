"""MCP servers over HTTP: what goes wrong there fails one call, and says how."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from agents.tools.host import ToolFailed
from agents.tools.mcp import McpHost, McpServer
from tests.support.mcp.hosts import QUICK, a_host
from tests.support.mcp.http_server import BadHttpServer, run_bad_http_server
from tests.support.ports import a_port

TOKEN = "a-token-of-the-operator"


@pytest.fixture
async def bad() -> AsyncIterator[BadHttpServer]:
    async with run_bad_http_server() as server:
        yield server


def a_server(bad: BadHttpServer, seconds: float = 30.0) -> McpServer:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return McpServer(name="web", url=bad.url, headers=headers, secrets=(TOKEN,), seconds=seconds)


async def call(host: McpHost, tool: str, text: str = "") -> object:
    return (await host.run_tool(f"mcp:web/{tool}", {"text": text})).content


@pytest.mark.parametrize("tool", ["echo", "stream"])
async def test_answers_may_be_json_or_a_stream(tool: str, bad: BadHttpServer) -> None:
    async with a_host(a_server(bad)) as host:
        assert await call(host, tool, "hello") == "hello"

    assert all(each["authorization"] == f"Bearer {TOKEN}" for each in bad.headers)


@pytest.mark.parametrize(
    ("tool", "error_class", "text"),
    [
        ("hang", "outcome_unknown", "has not answered within 0.5 s; whether"),
        ("fail", "outcome_unknown", "HTTP 503 Reason: come back later; whether"),
        ("unauthorized", "tool_failed", 'the server answers: HTTP 401 Reason: {"message": "who'),
        ("html", "tool_failed", "the server answers: HTTP 403 Reason"),
        ("close", "outcome_unknown", "whether it took effect is unknown"),
        ("half", "outcome_unknown", "whether it took effect is unknown"),
        ("endless_body", "outcome_unknown", "a message of more than 4 MiB; whether"),
        ("endless_stream", "outcome_unknown", "it sends more than 300 messages at once; whether"),
        ("compressed", "outcome_unknown", "it sends compressed answers; whether"),
        ("redirect", "tool_failed", "Redirect to http://127.0.0.2:1/elsewhere not followed"),
        ("accepted", "tool_failed", "server answered a request with 202 Accepted"),
        ("no_json", "outcome_unknown", "whether it took effect is unknown"),
    ],
)
async def test_what_goes_wrong_fails_one_call_and_the_next_one_works(
    tool: str, error_class: str, text: str, bad: BadHttpServer
) -> None:
    is_late = tool == "hang"
    server = a_server(bad, seconds=0.5 if is_late else 30.0)

    async with a_host(server, limits=replace(QUICK, bytes=64 * 1024 * 1024)) as host:
        with pytest.raises(ToolFailed) as failed:
            await call(host, tool)
        after = None if is_late else await call(host, "echo", "hello")

    error = failed.value
    assert (error.error_class, text in error.message) == (error_class, True), error.message
    assert "many words" not in error.message
    assert is_late or after == "hello"
    assert bad.calls == [tool, *(() if is_late else ("echo",))]


async def test_a_forgotten_session_is_opened_again(bad: BadHttpServer) -> None:
    async with a_host(a_server(bad)) as host:
        with pytest.raises(ToolFailed):  # of the second session, too
            await call(host, "other_session")
        assert await call(host, "echo", "hello") == "hello"

    assert bad.calls == ["other_session", "other_session", "echo"]


async def test_a_failure_harms_no_other_call(bad: BadHttpServer) -> None:
    async with a_host(a_server(bad)) as host, asyncio.TaskGroup() as group:
        await host.list_tools()
        failing = [group.create_task(_fail(host, each)) for each in ("close", "half", "fail")]
        echoing = [group.create_task(call(host, "echo", f"text {n}")) for n in range(20)]

    assert [each.result() for each in echoing] == [f"text {n}" for n in range(20)]
    assert {each.result() for each in failing} == {"outcome_unknown"}


async def _fail(host: McpHost, tool: str) -> str:
    try:
        await call(host, tool)
    except ToolFailed as error:
        return error.error_class
    return "none"


async def test_a_server_that_is_not_there_is_named() -> None:
    server = McpServer(name="web", url=f"http://127.0.0.1:{a_port()}/mcp")

    async with a_host(server) as host:
        assert not await host.list_tools()
        assert host.problems["web"].startswith("no connection: ")
