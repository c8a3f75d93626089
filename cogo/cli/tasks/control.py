"""Commands that change a task or ask it again: pause, resume, cancel, redrive, fork, rate."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from cogo.cli.ids import TaskArgument, find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_store
from cogo.cli.task_options import Budget, parse_budget
from cogo.terminal import print_json, print_line, print_text
from cogo.watch.format import shorten_id
from protocol.errors import MoveNotAllowed
from protocol.lifecycle import TaskState
from protocol.records import Task
from protocol.records.tasks import TaskChanges
from protocol.store.gateway import GatewayStore


class RatingValue(StrEnum):
    """How good a result was."""

    GOOD = "good"
    BAD = "bad"


_MOST_RUNS: Final = 100
_SCORES: Final = {RatingValue.GOOD: 1.0, RatingValue.BAD: 0.0}


def cancel_task(
    *,
    task: TaskArgument,
    reason: Annotated[str | None, typer.Option(help="Why, for the history of the task.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a task.

    Calls to models that are in progress are stopped. A workflow that repeats itself ends with its
    next run: cancel that one.

    Examples:
        cogo tasks cancel 3f2a9c1e --reason "asked twice"
        cogo tasks cancel last
    """

    async def cancel(store: GatewayStore, task_id: UUID) -> Task:
        try:
            return await store.cancel_task(task_id=task_id, reason=reason)
        except MoveNotAllowed as error:
            following = await _find_open_run(store, task_id)
            if following is None:
                raise
            name = shorten_id(following.id)
            raise MoveNotAllowed(
                f"{error}; its next run is {name} ({following.status}): `cogo tasks cancel {name}`"
            ) from error

    _change(directory, task, cancel, as_json=as_json)


async def _find_open_run(store: GatewayStore, task_id: UUID) -> Task | None:
    """Return the run that has not ended, of a task that repeats itself."""
    found = await store.find_next_run(task_id=task_id)
    for _ in range(_MOST_RUNS):
        if found is None or not found.status.is_final:
            return found
        found = await store.find_next_run(task_id=found.id)
    return None


def redrive_task(*, task: TaskArgument, directory: Dir = None, as_json: AsJson = False) -> None:
    """Retry a failed task.

    `cogo tasks redrive` and `cogo tasks retry` are the same command.

    Examples:
        cogo tasks retry 3f2a9c1e
        cogo tasks redrive 3f2a9c1e
    """
    _change(directory, task, lambda store, id_: store.redrive_task(task_id=id_), as_json=as_json)


def fork_task(
    *,
    task: TaskArgument,
    from_step: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="STEP",
            help="Key of the step to do anew; what does not depend on it is reused.",
        ),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="Another prompt: with --from, of that step.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Another model, or auto: with --from, of that step.")
    ] = None,
    budget: Budget = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Ask a task again, as a whole or from a step.

    A step of a task that has ended is done anew, and so is what depends on it. Everything else is
    taken over from the task; its cost is not counted again. `cogo tasks show TASK` lists the steps.

    Examples:
        cogo fork 3f2a9c1e --model claude-sonnet
        cogo fork last --from ruling --prompt "Decide in favour of the shorter one."
    """  # fmt: skip
    given: dict[str, Any] = {"prompt": prompt, "model": model, "budget_usd": parse_budget(budget)}
    changes = TaskChanges(**{name: each for name, each in given.items() if each is not None})

    async def fork(store: GatewayStore, task_id: UUID) -> Task:
        return await store.fork_task(task_id=task_id, from_step=from_step, changes=changes)

    _change(directory, task, fork, as_json=as_json)


def hold_task(*, task: TaskArgument, directory: Dir = None, as_json: AsJson = False) -> None:
    """Pause a task.

    Subtasks that are running finish; no other starts until `cogo resume`.

    Examples:
        cogo hold 3f2a9c1e
        cogo hold last --json
    """
    _change(directory, task, lambda store, id_: store.pause_task(task_id=id_), as_json=as_json)


def resume_task(*, task: TaskArgument, directory: Dir = None, as_json: AsJson = False) -> None:
    """Resume a paused task.

    Examples:
        cogo resume 3f2a9c1e
    """
    _change(directory, task, lambda store, id_: store.resume_task(task_id=id_), as_json=as_json)


def rate_result(
    *,
    task: TaskArgument,
    rating: Annotated[
        RatingValue, typer.Argument(metavar="RATING", help="How good the result is.")
    ],
    comment: Annotated[str | None, typer.Option(help="Why, for the record.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Rate the result of a task.

    The rating counts when models are chosen for later tasks. A new rating replaces the last one.

    Examples:
        cogo feedback 3f2a9c1e good
        cogo feedback 3f2a9c1e bad --comment "It sorts in place, I asked for a copy."
    """

    async def send(store: GatewayStore) -> None:
        stored = await store.feedback(
            task_id=await find_task_id(store, task), score=_SCORES[rating], comment=comment
        )
        if as_json:
            print_json(stored)
        else:
            print_line(f"{stored.task_id}  {rating}: {stored.model_id} at {stored.task_type}")

    run_with_store(directory, send)


def _change(
    directory: Path | None,
    task: str,
    change: Callable[[GatewayStore, UUID], Awaitable[Task]],
    *,
    as_json: bool,
) -> None:
    async def run(store: GatewayStore) -> Task:
        return await change(store, await find_task_id(store, task))

    changed = run_with_store(directory, run)
    if as_json:
        print_json(changed)
        return
    print_line(f"{changed.id}  {changed.status}")
    if changed.status is TaskState.HELD:
        resume = f"`cogo resume {shorten_id(changed.id)}`"
        print_text(f"running subtasks finish; no other starts until {resume}", err=True)
