"""One connection to an MCP server: its client, which runs in a task of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any, Final, Protocol

from loguru import logger
from mcp.client import Client, IncomingMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    PARSE_ERROR,
    REQUEST_TIMEOUT,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    Implementation,
    InputRequiredResult,
    Tool,
    ToolListChangedNotification,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import TypeAdapter, ValidationError

from agents.tools.mcp.limits import Allowance, McpLimits
from agents.tools.mcp.listing import MAX_PAGES, ListedTool, ListingRefused, clean_text
from agents.tools.mcp.messages import MessageSink, MessageSource, ServerMessages
from agents.tools.mcp.server import McpServer

_RESULT: Final[TypeAdapter[CallToolResult | InputRequiredResult]] = TypeAdapter(
    CallToolResult | InputRequiredResult
)
_UNKNOWN: Final = frozenset({CONNECTION_CLOSED, PARSE_ERROR, REQUEST_TIMEOUT})
"""Codes of errors after which nobody knows whether a request was carried out."""
_REFUSED: Final = range(400, 500)
"""Statuses of HTTP after which a request was certainly not carried out."""
_MAX_MESSAGE: Final = 1_000


class ServerTransport(Protocol):
    """The way to a server."""

    problem: str | None
    """Why its messages have ended, when they have."""

    def open(self) -> AbstractAsyncContextManager[tuple[MessageSource, MessageSink]]:
        """Connect, and yield the messages from the server and to it."""


class ServerFailed(Exception):
    """A server has answered that it cannot do what it was asked."""

    def __init__(self, message: str, *, code: int, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        """Of HTTP."""


class ServerLost(Exception):
    """A server has not answered, or its answer cannot be read."""


class McpConnection:
    """A connection, from its opening to its end. Calls may run at the same time."""

    def __init__(
        self,
        server: McpServer,
        transport: ServerTransport,
        *,
        limits: McpLimits,
        allowance: Allowance,
        on_lost: Callable[[str], None],
    ) -> None:
        """Prepare it; `on_lost` gets the reason if it cannot be opened or ends by itself."""
        self._server = server
        self._transport = transport
        self._limits = limits
        self._allowance = allowance
        self._on_lost = on_lost
        self._client: Client | None = None
        self._opened = asyncio.Event()
        self._closing = asyncio.Event()
        """Set when it shall end, or its messages have ended."""
        self._problem: str | None = None
        self._tool_problems: dict[str, str] = {}
        self.calls = 0
        """Those that run now."""
        self.has_new_tools = asyncio.Event()
        """Set when the server says that its list has changed."""

    @property
    def has_ended(self) -> bool:
        """Whether no call can be sent any more."""
        return self._closing.is_set()

    async def run(self) -> None:
        """Connect, and stay connected until closed, or until the server ends. Never raises."""
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._limits.start_seconds):
                    client = await stack.enter_async_context(self._build_client())
                self._client = client
                self._opened.set()
                protocol = client.protocol_version
                logger.info("MCP server is connected", server=self._server.name, protocol=protocol)
                async with asyncio.TaskGroup() as group:
                    listening = group.create_task(self._listen(client))
                    await self._closing.wait()
                    listening.cancel()
        except Exception as error:
            self._problem = self._problem or _describe_error(error, self._limits.start_seconds)
        finally:
            self._client = None
            self._end()

    async def open(self) -> None:
        """Wait until it is connected. Raises ServerLost."""
        await self._opened.wait()
        if self.has_ended:
            raise ServerLost(self.describe_end())

    def close(self) -> None:
        """End it; calls that still run end as if the server had ended."""
        if not self.has_ended:
            self._closing.set()
            self._wake()

    def describe_end(self) -> str:
        """Return why it has ended."""
        return self._transport.problem or self._problem or "the connection was closed"

    async def list_tools(self) -> tuple[list[ListedTool], Mapping[str, str]]:
        """Return all pages of its list, and what was wrong with single tools.

        Raises ServerLost, ServerFailed or ListingRefused.
        """
        self.has_new_tools.clear()
        self._tool_problems.clear()
        tools: list[ListedTool] = []
        cursor, seen = None, set()
        for _ in range(MAX_PAGES):
            page = await self._ask(self._get_client().list_tools(cursor=cursor))
            tools += map(_read_tool, page.tools)
            cursor = page.next_cursor
            if cursor is None:
                return tools, dict(self._tool_problems)
            if cursor in seen:
                raise ListingRefused("its list of tools goes round in a circle")
            seen.add(cursor)
        raise ListingRefused(f"its list of tools has more than {MAX_PAGES} pages")

    async def call(self, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """Call a tool. Raises ServerLost or ServerFailed."""
        # Not by `call_tool`, which checks results with the server's own regular expressions.
        params = CallToolRequestParams(name=name, arguments=dict(arguments))
        request = self._get_client().session.send_request(CallToolRequest(params=params), _RESULT)
        result: CallToolResult | InputRequiredResult = await self._ask(request)
        if isinstance(result, InputRequiredResult):
            raise ServerFailed(
                "it asks for more input from a person or a model, which tools do not get here",
                code=0,
            )
        return result

    async def _ask(self, request: Any) -> Any:
        try:
            return await request
        except MCPError as error:
            message = clean_text(error.error.message, _MAX_MESSAGE) or f"error {error.error.code}"
            data = error.error.data
            status = data.get("status") if isinstance(data, dict) else None
            if error.error.code in _UNKNOWN and status not in _REFUSED:
                raise ServerLost(self._transport.problem or self._problem or message) from error
            raise ServerFailed(message, code=error.error.code, status=status) from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))[:200]
            raise ServerLost(f"its answer does not keep the protocol, in {where}") from error

    def _get_client(self) -> Client:
        if self._client is None:
            raise ServerLost(self.describe_end())
        return self._client

    def _build_client(self) -> Client:
        return Client(
            self._open_transport(),
            cache=None,
            client_info=Implementation(name="cogo", version=version("cogo")),
            message_handler=self._handle,
            read_timeout_seconds=self._limits.start_seconds,
        )

    @asynccontextmanager
    async def _open_transport(self) -> AsyncIterator[tuple[Any, Any]]:
        async with self._transport.open() as (source, sink):
            messages = ServerMessages(
                source,
                allowance=self._allowance,
                version=self._get_version,
                on_problem=self._note_problem,
                on_tool_problem=self._tool_problems.__setitem__,
                on_end=self._end_if_open,
            )
            yield messages, sink

    def _end_if_open(self) -> None:
        if self._client is not None:  # else opening it fails, with a better reason
            self._end()

    def _end(self) -> None:
        """Note that it has ended, by itself if it was not closed."""
        if not self.has_ended:
            self._closing.set()
            self._on_lost(self.describe_end())
        self._wake()

    def _wake(self) -> None:
        self._opened.set()
        self.has_new_tools.set()

    def _get_version(self) -> str | None:
        return None if self._client is None else self._client.session.protocol_version

    def _note_problem(self, problem: str) -> None:
        self._problem = problem
        logger.warning("MCP server is ended", server=self._server.name, problem=problem)

    async def _handle(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self.has_new_tools.set()

    async def _listen(self, client: Client) -> None:
        """Subscribe to changes of the list, where the protocol has that; return when they end."""
        tools = client.server_capabilities.tools
        if client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return
        if tools is None or not tools.list_changed:
            return
        try:
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self.has_new_tools.set()
        except Exception as error:  # the list is also read again after a time
            logger.debug("MCP server: no changes", server=self._server.name, error=str(error))


def _read_tool(tool: Tool) -> ListedTool:
    hints = tool.annotations
    return ListedTool(
        name=tool.name,
        description=tool.description or "",
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        is_read_only=hints is not None and hints.read_only_hint is True,
        is_idempotent=hints is not None and hints.idempotent_hint is True,
    )


def _describe_error(error: BaseException, seconds: float) -> str:
    """Return the first error of a group, as text."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return f"it has not answered within {seconds:g} s"
    if isinstance(error, MCPError):
        return clean_text(error.error.message, _MAX_MESSAGE)
    text = clean_text(str(error), _MAX_MESSAGE)
    return text if isinstance(error, OSError) else f"{type(error).__name__}: {text}"
