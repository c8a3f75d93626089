"""The workflows of a project, for commands."""

import sys
from pathlib import Path

from agents.workflows.engine import Workflow, WorkflowInvalid
from agents.workflows.hosting.loading import ModuleRefused, load_module, merge_workflows
from agents.workflows.registry import WORKFLOWS
from cogo.config.context import Project
from cogo.config.workflows import find_workflow_modules
from cogo.errors import CommandError


def load_workflow(project: Project, type_: str, file: Path | None) -> Workflow:
    """Return the workflow of a type, from `file` or those of the project, in this process.

    Raises CommandError.
    """
    try:
        if file is not None:
            sys.path.append(str(file.resolve().parent))
            known = {each.type: each for each in load_module(file.stem)}
        else:
            known = dict(WORKFLOWS) if type_ in WORKFLOWS else _load_all(project)
    except (ModuleRefused, WorkflowInvalid) as error:
        raise CommandError(str(error)) from error
    if type_ not in known:
        raise CommandError(f"there is no workflow {type_}, only {', '.join(sorted(known))}")
    return known[type_]


def _load_all(project: Project) -> dict[str, Workflow]:
    found = find_workflow_modules(project)
    sys.path += [str(folder) for folder in found.folders]
    return merge_workflows(WORKFLOWS, [each for name in found.names for each in load_module(name)])
