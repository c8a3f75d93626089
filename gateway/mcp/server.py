"""The protocol: tools and resources of any backend, for clients of every revision."""

from importlib.metadata import version
from itertools import count
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolRequestParams,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
    Tool,
)

from gateway.mcp.arguments import build_arguments_schema
from gateway.mcp.backend import McpBackend, ReportProgress, ServedTool
from gateway.mcp.tasks_extension import add_tasks_extension, start_result_task

_Context = ServerRequestContext[Any, Any]

JSON: Final = "application/json"
_NAME: Final = "cogo"
_MAX_RESOURCES: Final = 20
_ABOUT: Final = (
    "COGO runs tasks on a fleet of AI models. Submit one with submit_task, which returns its id at "
    "once, then call watch_task or result with that id until it has ended. Tasks are durable: they "
    "run on when this connection ends, and any later connection finds them by their ids or with "
    "list_tasks. When a task asks a person something, ask the person, and pass the decision on "
    "with answer_approval."
)


def build_mcp_server(backend: McpBackend) -> Server[Any]:
    """Build the server of a backend, for any transport."""
    handlers = _Handlers(backend)
    server: Server[Any] = Server(
        _NAME,
        version=version("cogo"),
        title="COGO",
        instructions=_ABOUT,
        get_tool_input_schema=_find_no_schema,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_templates,
        on_read_resource=handlers.read_resource,
    )
    add_tasks_extension(server, backend)
    return server


class _Handlers:
    def __init__(self, backend: McpBackend) -> None:
        self._backend = backend

    async def list_tools(
        self, ctx: _Context, _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        tools = self._backend.select_tools(ctx.request)
        return ListToolsResult(tools=[_describe_tool(each) for each in tools])

    async def call_tool(self, ctx: _Context, params: CallToolRequestParams) -> Any:
        handle = await start_result_task(self._backend, ctx, params)
        if handle is not None:
            return handle
        return await self._backend.call(
            ctx.request, params.name, params.arguments, build_reporter(ctx)
        )

    async def list_resources(
        self, ctx: _Context, _params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        names = {each.name for each in self._backend.select_tools(ctx.request)}
        if "list_tasks" not in names:
            return ListResourcesResult(resources=[])
        found = await self._backend.call(
            ctx.request, "list_tasks", {"limit": _MAX_RESOURCES}, build_reporter(ctx)
        )
        tasks = (found.structured_content or {}).get("tasks", [])
        return ListResourcesResult(resources=[_describe_resource(each) for each in tasks])

    async def list_templates(
        self, _ctx: _Context, _params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        template = ResourceTemplate(
            uri_template="cogo://tasks/{task_id}",
            name="task",
            title="A task",
            description="A task with its whole result.",
            mime_type=JSON,
        )
        return ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(
        self, ctx: _Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        text = await self._backend.read(ctx.request, str(params.uri))
        contents = TextResourceContents(uri=params.uri, mime_type=JSON, text=text)
        return ReadResourceResult(contents=[contents])


def build_reporter(ctx: _Context) -> ReportProgress:
    """Return what sends progress notifications for a request, if its client wants them."""
    numbers = count(1)

    async def report(message: str) -> None:
        await ctx.session.report_progress(next(numbers), None, message)

    return report


def _find_no_schema(_name: str) -> None:
    """Return that no argument of a tool is repeated in a header, of any tool."""


def _describe_tool(tool: ServedTool[Any]) -> Tool:
    return Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=build_arguments_schema(tool.arguments),
        annotations=tool.annotations,
    )


def _describe_resource(task: dict[str, Any]) -> Resource:
    return Resource(
        uri=str(task["resource"]),
        name=str(task["task_id"]),
        title=f"{task['type']}, {task['status']}",
        description=str(task["prompt"])[:200],
        mime_type=JSON,
    )
