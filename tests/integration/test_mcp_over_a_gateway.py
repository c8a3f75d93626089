"""`cogo mcp --url` with gateways that are away, refuse the key, or answer nonsense."""

from collections.abc import AsyncIterator

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from pydantic import SecretStr

from cogo.wiring.mcp_server import GatewayBackend
from gateway.mcp import build_mcp_server
from tests.support.mcp.clients import refuse
from tests.support.ports import a_port
from tests.support.servers.raw_http import RawHttpServer, build_answer, serve_raw

KEY = SecretStr("cogo_abc_def")


@pytest.fixture
async def server() -> AsyncIterator[RawHttpServer]:
    async with serve_raw() as running:
        yield running


async def list_tasks(url: str) -> str:
    backend = GatewayBackend(url, KEY, patience=0)
    async with Client(build_mcp_server(backend)) as client:
        assert len((await client.list_tools()).tools) > 9
        with pytest.raises(MCPError, match=r"does not|HTTP"):
            await client.read_resource("cogo://tasks/x")
        try:
            return await refuse(client, "list_tasks")
        except MCPError as error:
            return error.message


async def test_a_gateway_that_is_away_is_named_with_what_to_do() -> None:
    port = a_port()

    said = await list_tasks(f"http://127.0.0.1:{port}/")

    assert f"http://127.0.0.1:{port}/mcp does not answer" in said
    assert "call again with the same task_id" in said


async def test_a_refused_key_is_called_so(server: RawHttpServer) -> None:
    server.answers["/mcp"] = build_answer(b"{}", status="401 Unauthorized")

    said = await list_tasks(server.url(""))

    assert "does not accept the key (set COGO_API_KEY" in said
    assert all("Authorization: Bearer cogo_abc_def" in each for each in server.requests)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (build_answer(b"<html>", "Content-Type: text/html", status="404 Not Found"), "HTTP 404"),
        (build_answer(b"nonsense", "Content-Type: application/json"), "as a gateway of COGO"),
        (build_answer(b"", "Content-Type: text/event-stream"), "does not answer"),
    ],
)
async def test_what_is_no_gateway_harms_nobody(
    server: RawHttpServer, answer: bytes, words: str
) -> None:
    server.answers["/mcp"] = answer

    assert words in await list_tasks(server.url("/mcp"))
