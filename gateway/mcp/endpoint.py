"""`/mcp`: streamable HTTP, without sessions, for callers with a key or a user's token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Scope, Send

from gateway.dependencies import GatewayServices, authenticate_connection
from gateway.mcp.backend import ToolServices
from gateway.mcp.server import build_mcp_server
from gateway.mcp.tools import build_tool_backend
from gateway.problems import Problem

PATH: Final = "/mcp"


class McpEndpoint:
    """The ASGI application of the path."""

    def __init__(self, *, body_bytes: int) -> None:
        self._body_bytes = body_bytes
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer requests while the block runs."""
        server = build_mcp_server(build_tool_backend(_open_services))
        # Without sessions any gateway answers any request, also after a restart.
        manager = StreamableHTTPSessionManager(
            server, stateless=True, max_request_body_size=self._body_bytes
        )
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raise Problem: 401, 405, 429, 503."""
        request = Request(scope, receive)
        if request.method != "POST":
            raise Problem(
                405,
                "method_not_allowed",
                "this is an MCP server without sessions: messages come with POST",
                headers={"Allow": "POST"},
            )
        if self._manager is None:
            raise Problem(503, "busy", "the gateway is stopping", headers={"Retry-After": "2"})
        request.state.principal = await authenticate_connection(request)
        await self._manager.handle_request(scope, receive, send)


@asynccontextmanager
async def _open_services(connection: HTTPConnection | None) -> AsyncIterator[ToolServices]:
    """Yield the gateway's services, while the credential of the request is accepted."""
    if connection is None:
        raise AssertionError("a request over HTTP is a connection")
    services = cast("GatewayServices", connection.app.state.services)
    async with services.credentials.guard(connection):
        yield services
