"""`cogo show`: the answer of a task, again."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from cogo.cli.ids import TaskArgument, find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.cli.tasks.result import print_end, require_writable
from cogo.config.context import Project
from cogo.terminal import print_text
from cogo.watch.format import error_text, short
from cogo.wiring.stores import open_client
from protocol.records import Task

EXAMPLES: Final = (
    "cogo show last                    # the answer, on standard output",
    "cogo show 3f2a9c1e --out search.py",
    "cogo show 3f2a9c1e --json | jq .result",
)


def show(
    *,
    task: TaskArgument,
    out: Annotated[Path | None, typer.Option(help="Write the answer to a file.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show the answer of a task.

    The answer goes to standard output, how the task stands to standard error. Exit code 0:
    completed, 1: failed, 3: not finished, 4: cancelled.
    """
    if out is not None:
        require_writable(out)
    found = asyncio.run(_fetch(Project.find(directory), task))
    code = print_end(found, as_json=as_json, out=out)
    if found.error and not as_json:
        print_text(f"{short(found.id)}  {error_text(found.error)}", err=True, indent=10)
    if not found.status.is_final and not as_json:
        print_text(
            f"{short(found.id)}  `cogo watch {short(found.id)}` follows it, "
            f"`cogo tasks show {short(found.id)}` says what it waits for",
            err=True,
            indent=10,
        )
    raise typer.Exit(code)


async def _fetch(project: Project, task: str) -> Task:
    async with open_client(project) as client:
        task_id = await find_task_id(client.store, task)
        return await client.store.fetch_task(task_id=task_id)
