"""The check of the sandbox, in which generated code is run."""

from typing import Final

from cogo.config.context import Project
from cogo.doctor.check import Check, note, ok
from protocol.records.agents import SandboxChoice

_PAGE: Final = "docs/explanation/sandbox.md"
_UNVERIFIED: Final = "code is not run, and results that carry code say `unverified`"


async def check_sandbox(project: Project) -> Check:
    """Run a program in the sandbox that this machine offers, and name it."""
    choice = project.settings.sandbox
    if choice is SandboxChoice.OFF:
        return note("sandbox", f"COGO_SANDBOX is off: {_UNVERIFIED}", "export COGO_SANDBOX=auto")
    try:
        # Imported late, so that the doctor can report a foreign package `agents`.
        from agents.sandbox import search_sandbox  # noqa: PLC0415
    except ImportError as error:
        return note("sandbox", f"none: {_UNVERIFIED} ({error})", f"see {_PAGE}")
    search = await search_sandbox(choice, project.settings.sandbox_runtime)
    if search.sandbox is None:
        return note("sandbox", f"none: {_UNVERIFIED} ({search.explain()})", f"see {_PAGE}")
    text = f"{search.sandbox.name} runs code without access to this machine"
    if search.warning is not None:
        return note("sandbox", f"{text}; {search.warning}", f"see {_PAGE}")
    return ok("sandbox", text)
