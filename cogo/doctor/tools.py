"""The check of the tools: the functions that workflows of the project call."""

from collections.abc import AsyncIterator

from cogo.config.context import Project
from cogo.doctor.check import Check, note, ok
from cogo.errors import SettingInvalid

_SLOTS = "COGO_TOOL_SLOTS"


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
        yield note("tools", str(error), "mend the file, and run `cogo trust`")
