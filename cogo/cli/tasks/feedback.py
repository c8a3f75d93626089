"""`cogo feedback`: what a person thinks of an answer."""

import asyncio
from enum import StrEnum
from typing import Annotated, Final

import typer

from cogo.cli.ids import TaskArgument, find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.config.context import Project
from cogo.terminal import print_json, print_line
from cogo.wiring.stores import open_client
from protocol.records.models import Rating

EXAMPLES: Final = (
    "cogo feedback 3f2a9c1e good",
    'cogo feedback 3f2a9c1e bad --comment "It sorts in place, I asked for a copy."',
)


class Verdict(StrEnum):
    """A person's word."""

    GOOD = "good"
    BAD = "bad"


SCORES: Final = {Verdict.GOOD: 1.0, Verdict.BAD: 0.0}


def feedback(
    *,
    task: TaskArgument,
    verdict: Annotated[Verdict, typer.Argument(help="What you think of its answer.")],
    comment: Annotated[str | None, typer.Option(help="Why, for whoever looks later.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Say how good an answer was. The model that gave it learns; your last word counts."""
    rating = asyncio.run(_rate(Project.find(directory), task, verdict, comment))
    if as_json:
        print_json(rating.model_dump(mode="json"))
    else:
        print_line(f"{rating.task_id}  {verdict}: {rating.model_id} at {rating.task_type}")


async def _rate(project: Project, task: str, verdict: Verdict, comment: str | None) -> Rating:
    async with open_client(project) as client:
        task_id = await find_task_id(client.store, task)
        return await client.store.feedback(task_id=task_id, score=SCORES[verdict], comment=comment)
