"""`cogo tools list`, `show` and `check`: functions, tools of MCP servers, and our own."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from agents.tools.functions import offer_function
from agents.tools.own import OwnTools, build_own_tools
from agents.tools.toolbox import OfferedTool, select_tools
from cogo.cli.options import AsJson, Dir
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.config.sections.mcp_servers import find_mcp_servers
from cogo.errors import CommandError, UsageError
from cogo.terminal import print_json, print_line, print_table, print_text, shorten
from cogo.wiring.fetching import build_fetcher
from cogo.wiring.sandbox import count_check_slots, open_check_runner
from cogo.wiring.stores import open_supabase_store
from cogo.wiring.tools import open_mcp_servers, open_tools
from protocol.errors import CogoError
from protocol.records import list_offered_tools
from protocol.tool_names import MCP

ToolName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Such as mcp:SERVER/TOOL, acme.tools.lookup or lookup."),
]
_DOC_WIDTH: Final = 100
_SERVER_SECONDS: Final = 5
"""For what running executors offer, which is not needed."""
_FROM: Final = {"function": "a function", "mcp": "an MCP server", "cogo": "cogo"}


def list_tools(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List the tools that models and workflows may call here.

    These are the functions of the modules that [tools] of cogo.toml names, the tools of the MCP
    servers in [mcp.servers.NAME], which are started or asked for it, and those that COGO brings.
    What cannot be used is reported with the reason. If a server runs, so is what its executors
    offer.

    Examples:
        cogo tools
        cogo tools list --json
    """
    project = Project.find(directory)
    found, executors = asyncio.run(_find_everything(project))
    if as_json:
        print_json(
            {
                "tools": found.tools,
                "problems": found.problems,
                "not_here": found.missing,
                "executors": executors,
            }
        )
        return
    offers = Counter(name for names in (executors or {}).values() for name in names)
    here = {each.name: each.description for each in found.tools}
    rows = [
        (name, _describe_places(name in here, offers[name]), _shorten_doc(here.get(name, "")))
        for name in sorted({*here, *offers})
    ]
    print_table(("TOOL", "OFFERED BY", "DOES"), rows, brief=True, drop=("OFFERED BY",))
    if not any(each.source != "cogo" for each in found.tools):
        print_text(
            "of your own there are none: name modules in [tools] or servers in "
            "[mcp.servers.NAME] of cogo.toml (`cogo tools example` prints a module)",
            err=True,
        )
    _print_problems(found.problems)
    for name, why in found.missing.items():
        print_text(f"{name} is not offered by this machine: {why}", err=True, indent=2)


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
    found = asyncio.run(find_tools(Project.find(directory), with_own=False))
    if as_json:
        print_json({"tools": len(found.tools), "problems": found.problems})
    else:
        print_line(f"{len(found.tools)} tools can be called")
        _print_problems(found.problems)
    if found.problems:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class FoundTools:
    """What can be called on this machine."""

    tools: Sequence[OfferedTool]
    problems: Mapping[str, str]
    """What the project names and cannot be used, and why."""
    missing: Mapping[str, str]
    """Our own tools that this machine does not offer, and why."""


async def find_tools(
    project: Project, *, name: str | None = None, with_own: bool = True
) -> FoundTools:
    """Return all tools, by name, and what cannot be used.

    With a name, those among which it must be: no server is started in vain.
    """
    found: list[OfferedTool] = []
    problems: dict[str, str] = {}
    missing: Mapping[str, str] = {}
    is_mcp = name is not None and name.startswith(MCP)
    async with AsyncExitStack() as stack:
        mcp = None
        if name is None or is_mcp:
            server = name and name.removeprefix(MCP).partition("/")[0]
            servers = open_mcp_servers(project, only=server, logs=False)
            mcp = await stack.enter_async_context(servers)
        if not is_mcp:
            async with open_tools(project) as functions:
                if functions is not None:
                    found += map(offer_function, functions.tools)
                    problems |= functions.problems
        if not is_mcp and with_own:
            own = await open_own_tools(project)
            found += await own.list_tools()
            missing = own.missing
        if mcp is not None:
            found += await mcp.list_tools()
            problems |= {f"mcp:{name}": problem for name, problem in mcp.problems.items()}
    return FoundTools(sorted(found, key=lambda each: each.name), problems, missing)


async def open_own_tools(project: Project) -> OwnTools:
    """Return our own tools, as an executor of this machine has them."""
    settings = project.settings
    checks = await open_check_runner(settings) if count_check_slots(settings) else None
    return build_own_tools(checks=checks, fetcher=build_fetcher(project))


async def find_tool(project: Project, name: str) -> OfferedTool:
    """Return the tool of this name. Raises CommandError, which says what there is."""
    found = await find_tools(project, name=name)
    matches = select_tools(found.tools, name)
    if len(matches) == 1:
        return matches[0]
    if name in found.missing:
        raise CommandError(f"{name} is not offered by this machine: {found.missing[name]}")
    why = [f"{each}: {problem}" for each, problem in found.problems.items()]
    there = ", ".join(each.name for each in found.tools) or "none"
    if not name.startswith(MCP) and find_mcp_servers(project):
        there += f", and those of MCP servers, which begin with {MCP}"
    raise UsageError("; ".join([f"no tool is named {name}; there are: {there}", *why]))


async def _find_everything(project: Project) -> tuple[FoundTools, dict[str, list[str]] | None]:
    async with asyncio.TaskGroup() as group:
        offers = group.create_task(_find_offers(project))
        found = await find_tools(project)
    return found, offers.result()


async def _find_offers(project: Project) -> dict[str, list[str]] | None:
    """Return what each running executor offers; None if no server can be asked."""
    try:
        async with asyncio.timeout(_SERVER_SECONDS):
            async with open_supabase_store(find_connection(project)) as store:
                agents = await store.fetch_agents()
    except (CogoError, TimeoutError):
        return None
    return {each.id: list_offered_tools([each]) for each in agents if each.serves}


def _describe_places(is_here: bool, count: int) -> str:
    executors = f"{count} executor{'' if count == 1 else 's'}" if count else ""
    return ", ".join(filter(None, ["this machine" if is_here else "", executors]))


def _shorten_doc(doc: str) -> str:
    return shorten(doc.strip().partition("\n")[0], _DOC_WIDTH)


def _print_problems(problems: Mapping[str, str]) -> None:
    for name, problem in problems.items():
        print_text(f"{name} cannot be used: {problem}", err=True, indent=2)
