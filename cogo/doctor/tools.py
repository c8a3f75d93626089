"""The check of the tools: functions of the project, and MCP servers."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from cogo.config.context import Project
from cogo.doctor.check import Check, note, ok
from cogo.errors import SettingInvalid

if TYPE_CHECKING:
    from agents.tools.mcp import McpServer

_SLOTS = "COGO_TOOL_SLOTS"
_MEND = "mend the file, and run `cogo trust`"


async def check_tools(project: Project) -> AsyncIterator[Check]:
    """Load the modules with tools, if there are any, as an executor does."""
    try:
        # Imported late, so that the doctor can report a foreign package `agents`.
        from cogo.wiring.tools import open_tools  # noqa: PLC0415
    except ImportError as error:
        yield note("tools", f"none can be loaded: {error}")
        return
    try:
        async with open_tools(project) as host:
            if host is None:
                return
            for module, problem in host.problems.items():
                yield note("tools", f"{module} cannot be used: {problem}", "mend the file")
            served = ", ".join(f"{each.module}.{each.name}" for each in host.tools)
            if served and not project.settings.tool_slots:
                yield note("tools", f"{_SLOTS} is 0: executors started here run none of {served}")
            elif served:
                yield ok("tools", f"executors started here run {served}")
    except SettingInvalid as error:
        yield note("tools", str(error), _MEND)


async def check_mcp(project: Project) -> AsyncIterator[Check]:
    """Look for the programs of MCP servers, if there are any; none is started."""
    try:
        from cogo.config.sections.mcp_servers import find_mcp_servers  # noqa: PLC0415 - see above
    except ImportError:
        return
    try:
        servers = find_mcp_servers(project)
    except SettingInvalid as error:
        yield note("MCP servers", str(error), _MEND)
        return
    for each in servers:
        program = each.command[0] if each.command else None
        if program is not None and not _has_program(each, program):
            yield note("MCP servers", f"{each.name}: there is no program {program}", "install it")
    if servers:
        names = ", ".join(each.name for each in servers)
        yield ok("MCP servers", f"{names}; `cogo tools check` starts them and lists their tools")


def _has_program(server: "McpServer", program: str) -> bool:
    place = str((server.cwd or Path()) / program) if "/" in program else program
    return shutil.which(place, path=server.environment.get("PATH")) is not None
