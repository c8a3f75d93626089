"""The tools of a project: functions of the modules that it names."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from agents.tools.host import ToolHost
from cogo.config.context import Project
from cogo.config.workflows import find_tool_modules
from providers.secrets import Redactor


@asynccontextmanager
async def open_tools(
    project: Project, *, secrets: Iterable[str] = ()
) -> AsyncIterator[ToolHost | None]:
    """Load the tools; None if the project names none. Raises SettingInvalid.

    They run with the variables of the settings; `secrets` are masked in what they return.
    """
    found = find_tool_modules(project)
    if not found.names:
        yield None
        return
    host = ToolHost(
        modules=found.names,
        folders=found.folders,
        capacity=project.settings.tool_slots,
        environment=project.settings.variables,
        redactor=Redactor(secrets),
    )
    async with host:
        yield host
