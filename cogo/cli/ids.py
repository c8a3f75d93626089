"""Ids as people type them: whole, a beginning that fits one, or `last`."""

from collections.abc import Mapping
from typing import Annotated, Final, TypeVar

import typer

from cogo.terminal import first_words
from cogo.watch.format import short
from protocol.errors import InvalidArgument, NotFound
from protocol.ids import TaskId, parse_id_range
from protocol.records import TaskLine
from protocol.store.gateway import GatewayStore

_Id = TypeVar("_Id")

LAST: Final = "last"
_SHOWN: Final = 10
"""How many candidates an ambiguous beginning lists."""

TaskArgument = Annotated[
    str,
    typer.Argument(metavar="TASK", help="A task's id, the beginning of one, or `last`."),
]


async def find_task_id(store: GatewayStore, text: str) -> TaskId:
    """Return the id of the task that is meant.

    `last` is the newest task without an owner, as those of `cogo submit` are: other users' tasks
    need their ids. Raise InvalidArgument if several tasks fit, NotFound if none does.
    """
    if text == LAST:
        newest = await store.fetch_lines(limit=1)
        if not newest:
            raise NotFound("there is no task without an owner", hint="`cogo tasks` lists all")
        return TaskId(newest[0].id)
    first, last = parse_id_range(text)
    if first == last:
        return TaskId(first)
    found = await store.fetch_lines_between(first=first, last=last, limit=_SHOWN + 1)
    lines = {TaskId(each.id): _line(each) for each in found}
    return choose(text, lines, noun="task", hint="`cogo tasks` lists them")


def choose(text: str, candidates: Mapping[_Id, str], *, noun: str, hint: str) -> _Id:
    """Return the only candidate; the values say what each is.

    Raise NotFound if there is none, InvalidArgument, which lists them, if there are several.
    """
    if not candidates:
        raise NotFound(f"no {noun} has an id that begins with {text}", hint=hint)
    if len(candidates) > 1:
        lines = [*candidates.values()][:_SHOWN] + ["..."] * (len(candidates) > _SHOWN)
        listed = "".join(f"\n  {line}" for line in lines)
        raise InvalidArgument(f"several {noun}s have ids that begin with {text}:{listed}")
    return next(iter(candidates))


def _line(task: TaskLine) -> str:
    whose = f"  of {short(task.owner)}" if task.owner else ""
    return f"{task.id}  {task.status:<9}  {first_words(task.prompt, 24)}{whose}"
