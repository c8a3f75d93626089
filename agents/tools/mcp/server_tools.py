"""The tools of one server: connected when they are used, again and again if it ends."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from loguru import logger
from mcp_types import INVALID_PARAMS

from agents.tools.host import OUTCOME_UNKNOWN, TOOL_TIMEOUT, ToolFailed
from agents.tools.mcp.connection import (
    McpConnection,
    ServerFailed,
    ServerLost,
    ServerTransport,
)
from agents.tools.mcp.limits import Allowance, McpLimits
from agents.tools.mcp.listing import (
    ListingRefused,
    McpListing,
    McpTool,
    build_listing,
    clean_text,
    describe_names,
)
from agents.tools.mcp.results import read_result
from agents.tools.mcp.server import McpServer
from agents.tools.toolbox import ToolOutput
from agents.tools.worker import INVALID_ARGUMENTS, TOOL_FAILED, UNKNOWN_TOOL
from protocol.backoff import compute_backoff
from providers.secrets import Redactor

OpenTransport = Callable[[McpServer, Allowance], ServerTransport]

_NO_SESSION: Final = (400, 404)
"""Statuses of HTTP for a session that the server has forgotten, by the protocol and by habit."""
_MOST_REPORTS: Final = 1_000
_MOST_CONNECTIONS: Final = 3
"""For one call, if each ends before it can be used."""


class ServerTools:
    """Lists and calls the tools of one server over one connection, which parallel calls share."""

    def __init__(
        self,
        server: McpServer,
        *,
        group: asyncio.TaskGroup,
        open_transport: OpenTransport,
        limits: McpLimits,
        redactor: Redactor,
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server
        self._group = group
        self._open_transport = open_transport
        self._limits = limits
        self._redactor = redactor
        self._report = report
        self._reported: set[str] = set()
        self._clock = clock
        self._connection: McpConnection | None = None
        self._connections: set[McpConnection] = set()
        """With those that end after their last call."""
        self._listing_lock = asyncio.Lock()
        self._failures = 0
        self._next_attempt = 0.0
        self._listed_at = 0.0
        self._listed_on: McpConnection | None = None
        self._has_tried = asyncio.Event()
        self._was_tried = asyncio.Event()
        """Set when the tools were listed, or could not be."""
        self._users = 0
        """Those that need the connection now."""
        self._idle: asyncio.TimerHandle | None = None
        self.listing = McpListing()
        """As it was last read."""
        self.problem: str | None = None
        """Why the server cannot be used, if so."""
        self.is_usable = False
        """Whether its tools could be listed when it was last needed."""

    async def wait_for_listing(self) -> None:
        """Wait until the tools were listed, or could not be."""
        await self._has_tried.wait()

    async def keep_listed(self) -> None:
        """List the tools until the server answers, and whenever it says that they change.

        One that has ended is started by the next call; one that cannot be, from here, ever later.
        """
        while True:
            try:
                with self._use():
                    connection = await self._refresh()
            except ToolFailed as error:
                self._has_tried.set()
                self._report_once(error.message)
                await asyncio.sleep(self._limits.shortest_wait + self._compute_wait())
                continue
            self._has_tried.set()
            self._was_tried.clear()
            await connection.has_new_tools.wait()
            if not connection.has_ended:
                logger.info("MCP server has changed its tools", server=self.server.name)
            else:
                await self._was_tried.wait()  # by the next call, which connects

    async def call(
        self, name: str, arguments: Mapping[str, Any], *, begin: Callable[[], None] | None
    ) -> ToolOutput:
        """Call a tool. Raises ToolFailed."""
        with self._use():
            known = self.listing.tools.get(name)
            connection = await self._refresh()
            tool = self.find_tool(name)
            has_changed = known is not None and known.listed.digest != tool.listed.digest
            if (problem := tool.find_wrong_arguments(arguments)) is not None:
                changed = "; the server has changed the tool" if has_changed else ""
                raise ToolFailed(INVALID_ARGUMENTS, f"{tool.offered.name}: {problem}{changed}")
            if begin is not None:
                begin()
            try:
                return await self._call(connection, tool, arguments)
            except ServerFailed as error:
                if error.status not in _NO_SESSION:
                    raise self._build_failure(tool, error) from None
            self._retire(connection)  # it has done nothing; a new session may help
            try:
                return await self._call(await self._refresh(), tool, arguments)
            except ServerFailed as error:
                raise self._build_failure(tool, error) from None

    def find_tool(self, name: str) -> McpTool:
        """Return a tool as it was last listed. Raises ToolFailed."""
        if (tool := self.listing.tools.get(name)) is not None:
            return tool
        why = self.listing.problems.get(name) or self.listing.left_out.get(name)
        where = f"MCP server {self.server.name}"
        if why is not None:
            raise ToolFailed(UNKNOWN_TOOL, f"{name} of {where} cannot be used: {why}")
        raise ToolFailed(
            UNKNOWN_TOOL,
            f"{where} has no tool {name}; it has {describe_names(self.listing.tools)}",
        )

    def close(self) -> None:
        """Close its connections."""
        if self._idle is not None:
            self._idle.cancel()
        for connection in self._connections:
            connection.close()

    async def _call(
        self, connection: McpConnection, tool: McpTool, arguments: Mapping[str, Any]
    ) -> ToolOutput:
        connection.calls += 1
        try:
            async with asyncio.timeout(tool.offered.seconds):
                result = await connection.call(tool.listed.name, arguments)
        except TimeoutError:
            self._retire(connection)  # it may hang
            how = f"has not answered within {tool.offered.seconds:g} s"
            raise self._build_end(tool, how, TOOL_TIMEOUT) from None
        except ServerLost as error:
            how = f"gave no answer: {self._redactor.redact(str(error))}"
            raise self._build_end(tool, how, TOOL_FAILED) from None
        finally:
            connection.calls -= 1
            if connection is not self._connection:
                self._retire(connection)
        self._failures = 0
        if not result.is_error and (problem := tool.find_wrong_data(result.structured_content)):
            raise ToolFailed(
                TOOL_FAILED,
                f"{tool.offered.name} has run, but what it gives does not fit its own schema: "
                + self._redactor.redact(problem),
            )
        return read_result(result, self._redactor)

    def _build_failure(self, tool: McpTool, error: ServerFailed) -> ToolFailed:
        kind = INVALID_ARGUMENTS if error.code == INVALID_PARAMS else TOOL_FAILED
        text = self._redactor.redact(str(error))
        return ToolFailed(kind, f"{tool.offered.name}: the server answers: {text}")

    def _build_end(self, tool: McpTool, how: str, kind: str) -> ToolFailed:
        """Return the error of a call of which nobody knows whether it has taken effect."""
        text = f"{tool.offered.name} {how}"
        if tool.offered.is_idempotent:
            return ToolFailed(kind, text)
        return ToolFailed(OUTCOME_UNKNOWN, f"{text}; whether it took effect is unknown")

    async def _refresh(self) -> McpConnection:
        """Return a connection whose tools are listed, and not long ago. Raises ToolFailed."""
        try:
            connection = await self._find_connection()
        except ToolFailed:
            self.is_usable = False
            self._was_tried.set()
            raise
        self.is_usable = True
        return connection

    async def _find_connection(self) -> McpConnection:
        for _ in range(_MOST_CONNECTIONS):
            connection = await self._connect()
            async with self._listing_lock:
                if not self._is_listed(connection):
                    await self._list(connection)
            if not connection.has_ended:
                return connection
        raise self._build_unusable()

    def _is_listed(self, connection: McpConnection) -> bool:
        return (
            self._listed_on is connection
            and not connection.has_new_tools.is_set()
            and self._clock() - self._listed_at < self._limits.listing_seconds
        )

    async def _list(self, connection: McpConnection) -> None:
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                listed, problems = await connection.list_tools()
            self.listing = build_listing(self.server, listed, problems)
        except (ServerLost, ServerFailed, ListingRefused, TimeoutError) as error:
            self._retire(connection)
            late = f"its tools were not listed within {self._limits.start_seconds:g} s"
            self._note_failure(str(error) or late)
            raise self._build_unusable() from None
        except Exception as error:  # a defect of ours must not end the agent
            logger.opt(exception=error).error("tools could not be read", server=self.server.name)
            self._note_failure("COGO could not read its list of tools")
            raise self._build_unusable() from None
        self._listed_at, self._listed_on, self.problem = self._clock(), connection, None
        self._was_tried.set()
        for name, problem in self.listing.problems.items():
            tool = f"{clean_text(name, 100)} of MCP server {self.server.name}"
            self._report_once(f"{tool} cannot be used: {problem}")

    async def _connect(self) -> McpConnection:
        """Return the open connection, or a new one. Raises ToolFailed."""
        connection = self._connection
        if connection is None or connection.has_ended:
            if (wait := self._compute_wait()) > self._limits.patience:
                raise self._build_unusable()
            await asyncio.sleep(wait)
            connection = self._connection
        if connection is None or connection.has_ended:  # nobody else has opened one meanwhile
            allowance = Allowance(self._limits, clock=self._clock)
            transport = self._open_transport(self.server, allowance)
            connection = self._connection = McpConnection(
                self.server,
                transport,
                limits=self._limits,
                allowance=allowance,
                on_lost=self._note_failure,
            )
            self._group.create_task(self._serve(connection), name=f"MCP {self.server.name}")
        try:
            await connection.open()
        except ServerLost as error:
            self.problem = self.problem or self._redactor.redact(str(error))
            raise self._build_unusable() from None
        return connection

    async def _serve(self, connection: McpConnection) -> None:
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    def _note_failure(self, problem: str) -> None:
        self._failures += 1
        wait = compute_backoff(
            self._failures, first=self._limits.shortest_wait, longest=self._limits.longest_wait
        )
        self._next_attempt = self._clock() + wait
        self.problem = self._redactor.redact(problem)

    def _report_once(self, problem: str) -> None:
        if problem not in self._reported and len(self._reported) < _MOST_REPORTS:
            self._reported.add(problem)
            self._report(problem)

    def _compute_wait(self) -> float:
        return max(self._next_attempt - self._clock(), 0.0)

    def _build_unusable(self) -> ToolFailed:
        text = f"MCP server {self.server.name} cannot be used: {self.problem}"
        return ToolFailed(UNKNOWN_TOOL, text)

    def _retire(self, connection: McpConnection) -> None:
        """Use another connection for the next call; this one ends with its last call."""
        if self._connection is connection:
            self._connection = None
        if not connection.calls:
            connection.close()

    @contextmanager
    def _use(self) -> Iterator[None]:
        """Keep the connection open meanwhile, and for some time after it."""
        self._users += 1
        if self._idle is not None:
            self._idle.cancel()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                loop = asyncio.get_running_loop()
                self._idle = loop.call_later(self._limits.idle_seconds, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self._connection is not None and not self._users:
            self._retire(self._connection)
