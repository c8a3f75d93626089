"""The work behind the protocol: the calls of tools and the reading of resources."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, ToolAnnotations
from starlette.requests import HTTPConnection

from gateway.auth.principal import LOCAL, Principal, Scope, require_scope
from gateway.mcp.answers import ToolAnswer, build_error_result
from gateway.mcp.arguments import CallArguments, read_tool_arguments
from gateway.models import ModelDirectory
from gateway.problems import Problem
from gateway.tasks.memory_search import SearchServices
from protocol.errors import CogoError

READS: Final = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
"""Of tools that change nothing."""
ReportProgress = Callable[[str], Awaitable[None]]
"""Tells the client what happens while it waits."""


class ToolServices(SearchServices, Protocol):
    """The services that tools use; those of the gateway's routes are some."""

    @property
    def model_directory(self) -> ModelDirectory:
        """The models."""
        ...


OpenCaller = Callable[[HTTPConnection | None], AbstractAsyncContextManager[ToolServices]]
"""Opens the services for one call, of an HTTP request or of the user of this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCaller:
    """Who calls a tool, and with what it works."""

    principal: Principal
    services: ToolServices
    report: ReportProgress


_A = TypeVar("_A", bound=CallArguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedTool(Generic[_A]):
    """A tool that clients see."""

    name: str
    title: str
    description: str
    scope: Scope
    arguments: type[_A]
    run: Callable[[ToolCaller, _A], Awaitable[ToolAnswer]]
    annotations: ToolAnnotations


class McpBackend(Protocol):
    """Whatever answers the calls of a client."""

    def select_tools(self, connection: HTTPConnection | None) -> Sequence[ServedTool[Any]]:
        """Return the tools that the caller may use."""
        ...

    async def call(
        self,
        connection: HTTPConnection | None,
        name: str,
        arguments: Mapping[str, Any] | None,
        report: ReportProgress,
    ) -> CallToolResult:
        """Call a tool; what goes wrong is a result, too. Raise MCPError for an unknown tool."""
        ...

    async def read(self, connection: HTTPConnection | None, uri: str) -> str:
        """Return a resource as JSON text. Raise MCPError."""
        ...


ReadResource = Callable[[ToolCaller, str], Awaitable[str]]


class ToolBackend:
    """Runs tools with services that are opened for each call."""

    def __init__(
        self, tools: Sequence[ServedTool[Any]], read_resource: ReadResource, open_caller: OpenCaller
    ) -> None:
        self._tools = {each.name: each for each in tools}
        self._read_resource = read_resource
        self._open = open_caller

    def select_tools(self, connection: HTTPConnection | None) -> Sequence[ServedTool[Any]]:
        """Return the tools for which the caller has the scope."""
        principal = _get_principal(connection)
        return [each for each in self._tools.values() if principal.has_scope(each.scope)]

    async def call(
        self,
        connection: HTTPConnection | None,
        name: str,
        arguments: Mapping[str, Any] | None,
        report: ReportProgress,
    ) -> CallToolResult:
        """Call a tool; what goes wrong is a result, too. Raise MCPError for an unknown tool."""
        tool = find_tool(self._tools, name)
        principal = _get_principal(connection)
        try:
            require_scope(principal, tool.scope)
            parsed = read_tool_arguments(tool.arguments, name, arguments)
            async with self._open(connection) as services:
                caller = ToolCaller(principal=principal, services=services, report=report)
                # Inside, since the services' task groups would wrap an error.
                return await _run(tool, caller, parsed)
        except (Problem, CogoError) as error:
            return build_error_result(error)

    async def read(self, connection: HTTPConnection | None, uri: str) -> str:
        """Return a resource as JSON text. Raise MCPError."""
        principal = _get_principal(connection)
        try:
            require_scope(principal, Scope.TASKS_READ)
            async with self._open(connection) as services:
                caller = ToolCaller(principal=principal, services=services, report=report_nothing)
                found = await _catch(self._read_resource(caller, uri))
        except (Problem, CogoError) as error:
            found = error
        if isinstance(found, str):
            return found
        text = str(build_error_result(found).content[0].model_dump()["text"])
        raise MCPError(INVALID_PARAMS, text)


def find_tool(tools: Mapping[str, ServedTool[Any]], name: str) -> ServedTool[Any]:
    """Return the tool of a name. Raise MCPError, which names the others."""
    tool = tools.get(name)
    if tool is None:
        raise MCPError(
            INVALID_PARAMS, f"there is no tool {name[:100]!r}; the tools are: {', '.join(tools)}"
        )
    return tool


async def _run(tool: ServedTool[_A], caller: ToolCaller, arguments: _A) -> CallToolResult:
    try:
        return (await tool.run(caller, arguments)).build_result()
    except (Problem, CogoError) as error:
        return build_error_result(error)


async def _catch(work: Awaitable[str]) -> str | Problem | CogoError:
    try:
        return await work
    except (Problem, CogoError) as error:
        return error


async def report_nothing(_message: str) -> None:
    """Report nothing, where the protocol has no progress notifications."""


def _get_principal(connection: HTTPConnection | None) -> Principal:
    """Return the caller: of an authenticated request, or the user of this machine."""
    if connection is None:
        return LOCAL
    found: Principal = connection.state.principal
    return found
