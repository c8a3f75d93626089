"""The tools of a gateway, which may be restarted at any time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeVar
from uuid import uuid4

from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    PARSE_ERROR,
    REQUEST_TIMEOUT,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    TextResourceContents,
)
from mcp_types.version import LATEST_MODERN_VERSION
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from agents.tools.mcp.limits import Allowance, McpLimits
from agents.tools.mcp.server import McpServer
from cogo.wiring.mcp_http import HttpServer
from gateway.mcp.answers import build_error_result
from gateway.mcp.arguments import WAIT_SECONDS
from gateway.mcp.backend import ReportProgress, ServedTool
from gateway.mcp.tools import TOOLS
from gateway.mcp_endpoint import PATH
from protocol.errors import CogoError, StoreUnavailable, Unauthorized

_T = TypeVar("_T")

_LOST: Final = frozenset({CONNECTION_CLOSED, REQUEST_TIMEOUT})
_LOST_STATUS: Final = frozenset({502, 503, 504})
_UNAUTHORIZED: Final = 401
PATIENCE_SECONDS: Final = 10.0
"""How long a gateway may take to come back in a call that does not wait for anything else."""
_ANSWER_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.5
_WAITING: Final = frozenset({"watch_task", "result"})


class GatewayBackend:
    """Passes calls on to the MCP server of a gateway.

    A call that was lost is sent again: all tools may be called twice, `submit_task` by the
    idempotency key that it gets here.
    """

    def __init__(
        self, url: str, key: SecretStr | None, *, patience: float = PATIENCE_SECONDS
    ) -> None:
        address = url.rstrip("/")
        headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
        self._url = address if address.endswith(PATH) else address + PATH
        self._patience = patience
        self._server = McpServer(name="gateway", url=self._url, headers=headers)

    def select_tools(self, connection: HTTPConnection | None) -> Sequence[ServedTool[Any]]:
        """Return all tools; the gateway knows what the key may do."""
        del connection
        return TOOLS

    async def call(
        self,
        connection: HTTPConnection | None,
        name: str,
        arguments: Mapping[str, Any] | None,
        report: ReportProgress,
    ) -> CallToolResult:
        """Call a tool. Raise MCPError for an unknown tool."""
        del connection
        given = dict(arguments or {})
        if name == "submit_task":
            given.setdefault("idempotency_key", str(uuid4()))
        seconds = _read_seconds(given) if name in _WAITING else 0.0
        clock = asyncio.get_running_loop().time
        until = clock() + seconds

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            del progress, total
            if message is not None:
                await report(message)

        async def ask(client: Client) -> CallToolResult:
            left = max(0.0, until - clock())
            now = given | {"timeout_seconds": min(left, seconds)} if seconds else given
            return await client.session.send_request(
                CallToolRequest(params=CallToolRequestParams(name=name, arguments=now)),
                CallToolResult,
                request_read_timeout_seconds=left + _ANSWER_SECONDS,
                progress_callback=hear,
            )

        try:
            return await self._ask(ask, seconds=max(seconds, self._patience))
        except CogoError as error:
            return build_error_result(error)

    async def read(self, connection: HTTPConnection | None, uri: str) -> str:
        """Return a resource as JSON text. Raise MCPError."""
        del connection
        try:
            found = await self._ask(
                lambda client: client.session.read_resource(uri), seconds=self._patience
            )
        except CogoError as error:
            raise MCPError(INTERNAL_ERROR, str(error)) from error
        texts = [each.text for each in found.contents if isinstance(each, TextResourceContents)]
        return "".join(texts)

    async def _ask(self, ask: Callable[[Client], Awaitable[_T]], *, seconds: float) -> _T:
        """Return an answer, asking again for `seconds`. Raise MCPError, CogoError."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while True:
            found = await self._ask_once(ask)
            if not isinstance(found, MCPError):
                return found
            if _read_status(found) == _UNAUTHORIZED:
                raise Unauthorized(
                    f"{self._url} does not accept the key",
                    hint="set COGO_API_KEY; `cogo keys create` creates a key where the gateway is",
                )
            if found.code == PARSE_ERROR:
                raise StoreUnavailable(
                    f"{self._url} does not answer as a gateway of COGO", hint="check the address"
                )
            if not _is_lost(found):
                raise found
            if clock() + _PAUSE_SECONDS >= until:
                raise StoreUnavailable(
                    f"{self._url} does not answer: {found.message}",
                    hint="check the address and that it runs; tasks go on without it: "
                    "call again with the same task_id",
                )
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _ask_once(self, ask: Callable[[Client], Awaitable[_T]]) -> _T | MCPError:
        # The revision is named, so that no request goes before the call.
        client = Client(self._connect(), cache=None, mode=LATEST_MODERN_VERSION)
        async with client:
            try:
                return await ask(client)
            except MCPError as error:  # outside, the client's task groups would wrap it
                return error

    def _connect(self) -> AbstractAsyncContextManager[tuple[Any, Any]]:
        limits = McpLimits()
        return HttpServer(self._server, limits, Allowance(limits)).open()


def _read_seconds(arguments: Mapping[str, Any]) -> float:
    """Return how long a call may wait; the gateway refuses what is no number."""
    given = arguments.get("timeout_seconds", WAIT_SECONDS)
    return float(given) if isinstance(given, int | float) and given > 0 else 0.0


def _is_lost(error: MCPError) -> bool:
    """Return whether the gateway was not reached or has not answered."""
    return _read_status(error) in _LOST_STATUS or (
        error.code in _LOST and _read_status(error) is None
    )


def _read_status(error: MCPError) -> int | None:
    data = error.data
    return data.get("status") if isinstance(data, dict) else None
