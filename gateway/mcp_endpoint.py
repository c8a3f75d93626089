"""`/mcp`: streamable HTTP, without sessions, for callers with a key or a user's token.

The protocol is imported at the first request: most gateways serve none, and it takes a quarter
of the CPU time of a start.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, cast

from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Scope, Send

from gateway.auth.principal import Principal
from gateway.dependencies import GatewayServices, authenticate_connection
from gateway.problems import Problem

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from gateway.mcp import ToolServices

PATH: Final = "/mcp"


class McpEndpoint:
    """The ASGI application of the path."""

    def __init__(self, *, body_bytes: int) -> None:
        self._body_bytes = body_bytes
        self._is_wanted = asyncio.Event()
        self._manager: asyncio.Future[StreamableHTTPSessionManager] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer requests while the block runs."""
        self._manager = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(self._serve(self._manager), name="serve mcp")
            try:
                yield
            finally:
                self._manager = None
                serving.cancel()

    async def _serve(self, opened: "asyncio.Future[StreamableHTTPSessionManager]") -> None:
        """Open the manager for the first request; one task has to open and close it."""
        await self._is_wanted.wait()
        manager = await asyncio.to_thread(_build_manager, self._body_bytes)
        async with manager.run():
            opened.set_result(manager)
            await asyncio.Event().wait()

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
        self._is_wanted.set()
        manager = await asyncio.shield(self._manager)
        await manager.handle_request(scope, receive, send)


def _build_manager(body_bytes: int) -> "StreamableHTTPSessionManager":
    """Build the server, importing the protocol; this blocks."""
    from mcp.server.streamable_http_manager import (  # noqa: PLC0415
        StreamableHTTPSessionManager,
    )

    from gateway.mcp import build_mcp_server  # noqa: PLC0415
    from gateway.mcp.tools import build_tool_backend  # noqa: PLC0415

    # Without sessions any gateway answers any request, also after a restart.
    return StreamableHTTPSessionManager(
        build_mcp_server(build_tool_backend(_open_services)),
        stateless=True,
        max_request_body_size=body_bytes,
    )


@asynccontextmanager
async def _open_services(connection: HTTPConnection | None) -> AsyncIterator["ToolServices"]:
    """Yield the gateway's services, while the credential of the request keeps its rights."""
    if connection is None:
        raise AssertionError("a request over HTTP is a connection")
    services = cast("GatewayServices", connection.app.state.services)
    before: Principal = connection.state.principal
    guard = services.credentials.guard(
        connection, lambda now: now.read_projects >= before.read_projects
    )
    async with guard:
        yield services
