"""`cogo hold|resume|approve` and `cogo tasks cancel|redrive`: what a person decides on a task."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Final, TypeVar
from uuid import UUID

import typer

from cogo.cli.ids import TaskArgument, find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.terminal import print_json, print_line, print_text
from cogo.watch.format import short
from cogo.wiring.stores import open_client
from protocol.lifecycle import SubtaskState, TaskState
from protocol.records import Subtask, Task
from protocol.store.gateway import GatewayStore

EXAMPLES: Final = {
    "cancel": ('cogo tasks cancel 3f2a9c1e --reason "asked twice"', "cogo tasks cancel last"),
    "redrive": ("cogo tasks redrive 3f2a9c1e",),
    "retry": ("cogo tasks retry 3f2a9c1e",),
    "hold": ("cogo hold 3f2a9c1e", "cogo hold last --json"),
    "resume": ("cogo resume 3f2a9c1e",),
    "approve": (
        "cogo approve 3f2a9c1e",
        'cogo approve 3f2a9c1e --step deploy --reject --comment "not on a Friday"',
    ),
}

_T = TypeVar("_T")


def cancel(
    *,
    task: TaskArgument,
    reason: Annotated[str | None, typer.Option(help="Why, for whoever looks later.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a task; a model's call under way is ended too."""
    _move(
        directory,
        task,
        lambda store, task_id: store.cancel_task(task_id=task_id, reason=reason),
        as_json=as_json,
    )


def redrive(*, task: TaskArgument, directory: Dir = None, as_json: AsJson = False) -> None:
    """Put a failed task back to work."""
    _move(directory, task, lambda store, found: store.redrive_task(task_id=found), as_json=as_json)


def hold(*, task: TaskArgument, directory: Dir = None, as_json: AsJson = False) -> None:
    """Hold a task: what runs is finished, nothing else begins until `cogo resume`."""
    _move(directory, task, lambda store, found: store.pause_task(task_id=found), as_json=as_json)


def resume(*, task: TaskArgument, directory: Dir = None, as_json: AsJson = False) -> None:
    """Resume a held task."""
    _move(directory, task, lambda store, found: store.resume_task(task_id=found), as_json=as_json)


def approve(
    *,
    task: TaskArgument,
    step: Annotated[
        str | None, typer.Option(help="Which subtask, by its key, if several wait.")
    ] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Refuse it instead.")] = False,
    comment: Annotated[str | None, typer.Option(help="Why, for whoever looks later.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Approve the subtask of a task that waits for a person, or refuse it with --reject."""

    async def decide(store: GatewayStore, task_id: UUID) -> Subtask:
        waiting = [
            each
            for each in await store.fetch_subtasks(task_id=task_id)
            if each.status is SubtaskState.WAITING and step in {None, each.key}
        ]
        chosen = _only(waiting, task_id, step)
        return await store.approve_subtask(
            subtask_id=chosen.id, approved=not reject, comment=comment
        )

    decided = _run(directory, task, decide)
    if as_json:
        print_json(decided.model_dump(mode="json"))
    else:
        word = "refused" if reject else "approved"
        print_line(f"{decided.task_id}  {decided.key} {word}, now {decided.status}")


def _only(waiting: Sequence[Subtask], task_id: UUID, step: str | None) -> Subtask:
    if not waiting:
        what = f"no subtask {step!r}" if step else "nothing"
        raise CommandError(f"{what} in task {task_id} waits to be approved")
    if len(waiting) > 1:
        keys = ", ".join(each.key for each in waiting)
        raise CommandError(f"several subtasks wait to be approved: name one with --step ({keys})")
    return waiting[0]


def _move(
    directory: Path | None,
    task: str,
    move: Callable[[GatewayStore, UUID], Awaitable[Task]],
    *,
    as_json: bool,
) -> None:
    moved = _run(directory, task, move)
    if as_json:
        print_json(moved.model_dump(mode="json"))
    else:
        print_line(f"{moved.id}  {moved.status}")
        if moved.status is TaskState.HELD:
            again = f"`cogo resume {short(moved.id)}`"
            print_text(f"what runs is finished; nothing else begins until {again}", err=True)


def _run(
    directory: Path | None, task: str, work: Callable[[GatewayStore, UUID], Awaitable[_T]]
) -> _T:
    async def run() -> _T:
        async with open_client(Project.find(directory)) as client:
            return await work(client.store, await find_task_id(client.store, task))

    return asyncio.run(run())
