"""`cogo tools list`, `show` and `check`: the tools of functions and of MCP servers."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final

import typer

from agents.tools.functions import offer_function
from agents.tools.names import read_mcp_name
from agents.tools.toolbox import OfferedTool, select_tools
from cogo.cli.options import AsJson, Dir
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.terminal import print_json, print_line, print_table, print_text, shorten
from cogo.wiring.tools import open_mcp_servers, open_tools

ToolName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Such as mcp:SERVER/TOOL, acme.tools.lookup or lookup."),
]
_DOC_WIDTH: Final = 100
_FROM: Final = {"function": "a function", "mcp": "an MCP server", "cogo": "cogo"}


def list_tools(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List the tools that models and workflows may call here.

    These are the functions of the modules that [tools] of cogo.toml names, and the tools of the
    MCP servers in [mcp.servers.NAME], which are started or asked for it. What cannot be used is
    reported with the reason.

    Examples:
        cogo tools
        cogo tools list --json
    """
    tools, problems = asyncio.run(find_tools(Project.find(directory)))
    if as_json:
        print_json({"tools": tools, "problems": problems})
        return
    if tools:
        rows = [(each.name, _shorten_doc(each.description)) for each in tools]
        print_table(("TOOL", "DOES"), rows, brief=True)
    else:
        print_line(
            "no tools: name modules in [tools] or servers in [mcp.servers.NAME] of cogo.toml"
        )
    _print_problems(problems)


def show_tool(*, name: ToolName, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show what a tool does, its arguments, and how it may be run.

    Examples:
        cogo tools show mcp:supabase/list_tables
        cogo tools show acme.tools.lookup --json
    """
    tool = asyncio.run(find_tool(Project.find(directory), name))
    if as_json:
        print_json(tool)
        return
    print_line(f"{tool.name}  from {_FROM[tool.source]}, for models {tool.call_name}")
    if tool.description:
        print_text(tool.description, indent=2)
    again = "may run again" if tool.is_idempotent else "never runs twice"
    print_line(f"{again} if its outcome is unknown; ended after {tool.seconds:g} s")
    if tool.needs_approval:
        print_line("waits for a person's approval before it runs")
    print_json(tool.parameters)


def check_tools(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """Report which tools cannot be used.

    Everything that [tools] and [mcp.servers.NAME] name is loaded, started or asked. The exit code
    is 1 if something cannot be used.

    Examples:
        cogo tools check
    """
    tools, problems = asyncio.run(find_tools(Project.find(directory)))
    if as_json:
        print_json({"tools": len(tools), "problems": problems})
    else:
        print_line(f"{len(tools)} tools can be called")
        _print_problems(problems)
    if problems:
        raise typer.Exit(1)


async def find_tools(
    project: Project, *, only: str | None = None
) -> tuple[list[OfferedTool], Mapping[str, str]]:
    """Return all tools, or those of one server, by name, and what cannot be used."""
    found: list[OfferedTool] = []
    problems: dict[str, str] = {}
    async with open_mcp_servers(project, only=only, logs=False) as mcp:
        if only is None:
            async with open_tools(project) as functions:
                if functions is not None:
                    found += map(offer_function, functions.tools)
                    problems |= functions.problems
        if mcp is not None:
            found += await mcp.list_tools()
            problems |= {f"mcp:{name}": problem for name, problem in mcp.problems.items()}
    return sorted(found, key=lambda each: each.name), problems


async def find_tool(project: Project, name: str) -> OfferedTool:
    """Return the tool of this name. Raises CommandError, which says what there is."""
    server = read_mcp_name(name)
    tools, problems = await find_tools(project, only=server and server[0])
    matches = select_tools(tools, name)
    if len(matches) == 1:
        return matches[0]
    why = [f"{each}: {problem}" for each, problem in problems.items()]
    there = ", ".join(each.name for each in tools) or "none"
    raise CommandError("; ".join([f"no tool is named {name}; there are: {there}", *why]))


def _shorten_doc(doc: str) -> str:
    return shorten(doc.strip().partition("\n")[0], _DOC_WIDTH)


def _print_problems(problems: Mapping[str, str]) -> None:
    for name, problem in problems.items():
        print_text(f"{name} cannot be used: {problem}", err=True, indent=2)
