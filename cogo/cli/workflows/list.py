"""`cogo workflows list`: the types of tasks."""

import asyncio
from collections.abc import Sequence

from agents.tools.loading import ToolDescription
from agents.workflows.hosting.worker import WorkflowDescription
from cogo.cli.options import AsJson, Dir
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_table, print_text
from cogo.wiring.tools import open_tools
from cogo.wiring.workflows import open_workflows


def list_workflows(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List the types of tasks and what their workflows do, and the tools that they may call.

    Modules that `[workflows]` and `[tools]` of cogo.toml name are loaded in processes of their own,
    as agents do. A module that cannot be used is reported with its file and line.

    Examples:
        cogo workflows
        cogo workflows list --json
    """
    workflows, tools, problems = asyncio.run(_describe(Project.find(directory)))
    if as_json:
        print_json({"workflows": workflows, "tools": tools, "problems": problems})
        return
    rows = [
        (each.type, "cogo" if each.is_ours else each.module, each.doc.partition("\n")[0])
        for each in workflows
    ]
    print_table(("TYPE", "FROM", "DOES"), rows, brief=True)
    if tools:
        print_line()
        called = [(each.name, each.module, each.doc.partition("\n")[0]) for each in tools]
        print_table(("TOOL", "FROM", "DOES"), called, brief=True)
        print_text("`cogo agents` lists the executors that run them, as lanes tools:MODULE")
    for module, problem in problems.items():
        print_text(f"{module} cannot be used: {problem}", err=True, indent=2)


async def _describe(
    project: Project,
) -> tuple[list[WorkflowDescription], Sequence[ToolDescription], dict[str, str]]:
    async with open_workflows(project) as host, open_tools(project) as tools:
        return (
            host.describe(),
            tools.tools if tools else [],
            {**host.problems, **(tools.problems if tools else {})},
        )
