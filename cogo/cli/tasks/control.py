"""`cogo fork` and `cogo feedback`: repeat a task, or rate its result."""

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from cogo.cli.ids import TaskArgument, find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_store
from cogo.cli.task_options import Budget, parse_budget
from cogo.terminal import print_json, print_line
from protocol.records import Task
from protocol.records.tasks import TaskChanges
from protocol.store.gateway import GatewayStore


class RatingValue(StrEnum):
    """How good a result was."""

    GOOD = "good"
    BAD = "bad"


_SCORES: Final = {RatingValue.GOOD: 1.0, RatingValue.BAD: 0.0}


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
    """Repeat a task, as a whole or from a step.

    A step of a task that has ended is done anew, and so is what depends on it. Everything else is
    taken over from the task; its cost is not counted again. `cogo tasks show TASK` lists the steps.

    Examples:
        cogo fork 3f2a9c1e --model claude-sonnet
        cogo fork last --from ruling --prompt "Decide in favour of the shorter one."
    """  # fmt: skip
    given: dict[str, Any] = {"prompt": prompt, "model": model, "budget_usd": parse_budget(budget)}
    changes = TaskChanges(**{name: each for name, each in given.items() if each is not None})

    async def fork(store: GatewayStore) -> Task:
        task_id = await find_task_id(store, task)
        return await store.fork_task(task_id=task_id, from_step=from_step, changes=changes)

    made = run_with_store(directory, fork)
    if as_json:
        print_json(made)
    else:
        print_line(f"{made.id}  {made.status}")


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
