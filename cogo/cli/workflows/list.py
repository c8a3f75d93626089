"""`cogo workflows list`: the types of tasks."""

import asyncio
from collections.abc import Mapping

from agents.workflows.hosting.worker import WorkflowDescription
from cogo.cli.options import AsJson, Dir
from cogo.config.context import Project
from cogo.terminal import print_json, print_table, print_text
from cogo.wiring.workflows import open_workflows


def list_workflows(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List the types of tasks and what their workflows do.

    Modules that `[workflows]` of cogo.toml names are loaded in processes of their own, as agents
    do. A module that cannot be used is reported with its file and line. `cogo tools` lists what
    workflows may call.

    Examples:
        cogo workflows
        cogo workflows list --json
    """
    workflows, problems = asyncio.run(_describe(Project.find(directory)))
    if as_json:
        print_json({"workflows": workflows, "problems": problems})
        return
    rows = [
        (each.type, "cogo" if each.is_ours else each.module, each.doc.partition("\n")[0])
        for each in workflows
    ]
    print_table(("TYPE", "FROM", "DOES"), rows, brief=True)
    for module, problem in problems.items():
        print_text(f"{module} cannot be used: {problem}", err=True, indent=2)


async def _describe(
    project: Project,
) -> tuple[list[WorkflowDescription], Mapping[str, str]]:
    async with open_workflows(project) as host:
        return host.describe(), host.problems
