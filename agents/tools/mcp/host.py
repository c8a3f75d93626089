"""The tools of all MCP servers that an executor may use."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from loguru import logger

from agents.tools.host import ToolFailed
from agents.tools.mcp.limits import Allowance, McpLimits
from agents.tools.mcp.server import McpServer, list_mcp_secrets
from agents.tools.names import read_mcp_name, write_mcp_lane, write_mcp_name
from agents.tools.toolbox import OfferedTool, ToolContext, ToolOutput
from agents.tools.worker import UNKNOWN_TOOL
from providers.secrets import Redactor

if TYPE_CHECKING:
    from agents.tools.mcp.connection import ServerTransport
    from agents.tools.mcp.server_tools import ServerTools

_LIMITS: Final = McpLimits()

OpenHttp = Callable[[McpServer, McpLimits, Allowance], "ServerTransport"]


class McpHost:
    """Offers the tools of MCP servers. While it is open, their tools are listed and kept so.

    A server that is a program gets `McpServer.environment` and nothing else of ours. What it
    sends is limited; one that hangs, ends or sends too much is started again at the next call, and
    harms no other.
    """

    def __init__(
        self,
        servers: Sequence[McpServer],
        *,
        open_http: OpenHttp,
        redactor: Redactor | None = None,
        limits: McpLimits = _LIMITS,
        logs: bool = True,
    ) -> None:
        """Prepare it; without `logs`, whoever opens it reads `problems`."""
        self._servers = tuple(servers)
        self._open_http = open_http
        self._redactor = redactor or Redactor()
        self._redactor.add(list_mcp_secrets(servers))
        self._limits = limits
        self._logs = logs
        self._group = asyncio.TaskGroup()
        self._tools: dict[str, ServerTools] = {}
        self._keepers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Begin to list the tools."""
        # Imported late, as the library takes a second and most executors have no server.
        from agents.tools.mcp.server_tools import ServerTools  # noqa: PLC0415

        await self._group.__aenter__()
        for server in self._servers:
            tools = self._tools[server.name] = ServerTools(
                server,
                group=self._group,
                open_transport=self._open_transport,
                limits=self._limits,
                redactor=self._redactor,
                report=self._report,
            )
            self._keepers.append(self._group.create_task(tools.keep_listed(), name=server.name))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all servers."""
        for keeper in self._keepers:
            keeper.cancel()
        for tools in self._tools.values():
            tools.close()
        # Not with the error, which the group would wrap.
        await self._group.__aexit__(None, None, None)

    def _report(self, problem: str) -> None:
        if self._logs:
            logger.warning(problem)

    @property
    def lanes(self) -> Sequence[str]:
        """The lanes of calls by workflows, of the servers that can be used now."""
        return sorted(write_mcp_lane(name) for name, each in self._tools.items() if each.is_usable)

    @property
    def names(self) -> Sequence[str]:
        """The names of all tools that are listed now."""
        return sorted(each.name for each in self._list_offered())

    @property
    def problems(self) -> Mapping[str, str]:
        """Servers and tools that cannot be used now, with the reasons."""
        found = {}
        for name, tools in self._tools.items():
            if tools.problem is not None:
                found[name] = tools.problem
            found |= {f"{name}/{tool}": why for tool, why in tools.listing.problems.items()}
        return found

    async def list_tools(self) -> Sequence[OfferedTool]:
        """Return the tools of all servers, which at first are waited for."""
        for tools in self._tools.values():
            await tools.wait_for_listing()
        return self._list_offered()

    async def find_tool(self, server: str, name: str) -> OfferedTool:
        """Return a tool, once its server was asked. Raises ToolFailed."""
        tools, tool = self._find(write_mcp_name(server, name))
        await tools.wait_for_listing()
        return tools.find_tool(tool).offered

    async def run_tool(
        self,
        name: str,
        arguments: Mapping[str, Any],
        context: ToolContext | None = None,
        *,
        begin: Callable[[], None] | None = None,
    ) -> ToolOutput:
        """Call a tool, `mcp:SERVER/TOOL`. Raises ToolFailed.

        `begin` is called when the server is connected, just before the call is sent.
        """
        del context
        tools, tool = self._find(name)
        await tools.wait_for_listing()
        return await tools.call(tool, arguments, begin=begin)

    def _find(self, name: str) -> tuple["ServerTools", str]:
        parts = read_mcp_name(name)
        if parts is None or parts[0] not in self._tools:
            there = ", ".join(sorted(self._tools)) or "none"
            raise ToolFailed(
                UNKNOWN_TOOL, f"no MCP server has a tool {name}; the servers here are: {there}"
            )
        return self._tools[parts[0]], parts[1]

    def _list_offered(self) -> list[OfferedTool]:
        return [
            tool.offered for tools in self._tools.values() for tool in tools.listing.tools.values()
        ]

    def _open_transport(self, server: McpServer, allowance: Allowance) -> "ServerTransport":
        from agents.tools.mcp.process import ServerProcess  # noqa: PLC0415 - see above

        if server.url is not None:
            return self._open_http(server, self._limits, allowance)
        return ServerProcess(
            server, limits=self._limits, allowance=allowance, redactor=self._redactor
        )
