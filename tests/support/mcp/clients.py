"""Clients of our MCP server: the official one, over HTTP without a network."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from gateway.middleware import EdgeMiddleware

URL = "http://127.0.0.1:8000/mcp"


@asynccontextmanager
async def open_mcp(
    edge: EdgeMiddleware, headers: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[Client]:
    """Open a client of a gateway in this process."""
    transport = httpx2.ASGITransport(edge)
    async with httpx2.AsyncClient(transport=transport, headers=dict(headers or {})) as http:
        connection = streamable_http_client(URL, http_client=http)
        async with Client(connection, **options) as client:
            yield client


async def call(client: Client, name: str, /, **arguments: Any) -> dict[str, Any]:
    """Return the data that a tool gives. It must not be an error."""
    result = await client.call_tool(name, arguments)
    assert not result.is_error, read_text(result)
    assert result.structured_content is not None
    data: dict[str, Any] = result.structured_content
    return data


async def refuse(client: Client, name: str, /, **arguments: Any) -> str:
    """Return the text of the error that a tool gives."""
    result = await client.call_tool(name, arguments)
    assert result.is_error, read_text(result)
    return read_text(result)


def read_text(result: CallToolResult) -> str:
    """Return the text of a result."""
    return "\n".join(each.text for each in result.content if isinstance(each, TextContent))
