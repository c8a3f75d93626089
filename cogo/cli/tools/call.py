"""`cogo tools call`: a tool, called by a person."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import uuid4

import typer

from agents.tools.host import ToolFailed
from agents.tools.names import read_mcp_name
from agents.tools.toolbox import ToolContext, ToolOutput
from cogo.cli.options import AsJson, Dir
from cogo.cli.tools.list import ToolName, find_tool, open_own_tools
from cogo.config.context import Project
from cogo.errors import CommandError, UsageError
from cogo.terminal import print_json, print_line, print_text
from cogo.wiring.tools import open_mcp_servers, open_tools
from protocol.errors import InvalidArgument
from protocol.json_values import parse_json


def call_tool(
    *,
    name: ToolName,
    arguments: Annotated[
        str, typer.Argument(metavar="JSON", help="Its arguments, a JSON object.")
    ] = "{}",
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Call a tool once, on this machine, and print what it gives.

    It runs as it does for a workflow, but at once: whoever types this has approved it. The exit
    code is 1 if it fails.

    Examples:
        cogo tools call mcp:supabase/list_tables '{"schemas": ["public"]}'
        cogo tools call acme.tools.lookup '{"order": 7}' --json
        cogo tools call cogo:run_code '{"language": "python", "code": "print(6 * 7)"}'
    """
    try:
        given = parse_json(arguments)
    except ValueError as error:
        raise InvalidArgument(f"the arguments are no JSON: {error}") from error
    if not isinstance(given, dict):
        raise InvalidArgument('the arguments are no JSON object, such as {"order": 7}')
    try:
        output = asyncio.run(_call(Project.find(directory), name, given))
    except ToolFailed as error:
        raise CommandError(f"{error.message} ({error.error_class})") from error
    images = [
        {"media_type": each.media_type, "bytes": len(each.data or b"")}
        for each in output.attachments
    ]
    if as_json:
        print_json({"content": output.content, "images": images, "is_error": output.is_error})
    elif isinstance(output.content, str):
        print_text(output.content, err=output.is_error)
    else:
        print_json(output.content)
    for image in images if not as_json else ():
        print_line(f"and an image: {image['media_type']}, {image['bytes']} bytes")
    if output.is_error:
        raise typer.Exit(1)


async def _call(project: Project, name: str, arguments: Mapping[str, Any]) -> ToolOutput:
    if (parts := read_mcp_name(name)) is not None:
        async with open_mcp_servers(project, only=parts[0], logs=False) as mcp:
            if mcp is None:
                raise UsageError(f"cogo.toml names no MCP server {parts[0]}")
            return await mcp.run_tool(name, arguments)
    tool = await find_tool(project, name)
    if tool.source == "cogo":
        own = await open_own_tools(project)
        nobody = ToolContext(
            task_id=uuid4(), subtask_id=uuid4(), attempt=1, key="main", owner=None, params={}
        )
        return await own.run_tool(tool.name, arguments, nobody)
    async with open_tools(project) as functions:
        if functions is None:
            raise CommandError("cogo.toml names no modules with tools")
        module, _, function = tool.name.rpartition(".")
        return ToolOutput(content=await functions.run_tool(module, function, arguments))
