"""The workflows of a project: ours, and those of the modules that it names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.workflows.engine import WorkflowInvalid
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from cogo.config.context import Project
from cogo.config.sections.modules import find_workflow_modules
from cogo.errors import CommandError


@asynccontextmanager
async def open_workflows(project: Project) -> AsyncIterator[WorkflowHost]:
    """Load the workflows. Raises CommandError if two have the same type, and SettingInvalid."""
    found = find_workflow_modules(project)
    host = WorkflowHost(WORKFLOWS, modules=found.names, folders=found.folders)
    try:
        await host.__aenter__()
    except WorkflowInvalid as error:
        raise CommandError(str(error)) from error
    host.log_loaded()
    try:
        yield host
    finally:
        await host.__aexit__(None, None, None)
