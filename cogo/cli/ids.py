"""Ids as users type them: whole, a unique prefix, or `last`."""

from collections.abc import Mapping
from typing import Annotated, Final, TypeVar

import typer

from cogo.terminal import shorten
from cogo.watch.format import shorten_id
from protocol.errors import InvalidArgument, NotFound
from protocol.ids import TaskId, parse_id_range
from protocol.records import TaskLine, Visibility
from protocol.store.gateway import GatewayStore

_Id = TypeVar("_Id")

LAST: Final = "last"
_CERTAIN: Final = 4
_SHOWN: Final = 10
"""How many candidates an ambiguous prefix lists."""

TaskArgument = Annotated[
    str,
    typer.Argument(metavar="TASK", help="Id of a task, the beginning of one, or `last`."),
]


async def find_task_id(store: GatewayStore, text: str) -> TaskId:
    """Return the id of the task that `text` refers to.

    `last` is the newest task without an owner, such as those of `cogo submit`. Raises
    InvalidArgument if several tasks match, NotFound if none does.
    """
    if text == LAST:
        newest = await store.fetch_lines(limit=1, visible=Visibility())
        if not newest:
            raise NotFound(
                "there is no task yet that was submitted without an owner, as by `cogo submit`",
                hint="`cogo tasks` lists those of all owners",
            )
        return TaskId(newest[0].id)
    first, last = parse_id_range(text)
    if first == last:
        return TaskId(first)
    found = await store.fetch_lines_between(first=first, last=last, limit=_SHOWN + 1)
    lines = {TaskId(each.id): _line(each) for each in found}
    return choose_only(text, lines, noun="task", hint="`cogo tasks` lists them")


def require_certain(text: str) -> None:
    """Raise InvalidArgument if an id is so short that a slip of the finger would be one, too.

    For what cannot be taken back.
    """
    if text != LAST and len(text.strip().replace("-", "")) < _CERTAIN:
        raise InvalidArgument(
            f"{text[:60]!r} is too short for an answer",
            hint=f"name at least {_CERTAIN} digits of the id",
        )


def choose_only(text: str, candidates: Mapping[_Id, str], *, noun: str, hint: str) -> _Id:
    """Return the only candidate; the values describe them.

    Raises NotFound if there is none, InvalidArgument, which lists them, if there are several.
    """
    if not candidates:
        raise NotFound(f"no {noun} has an id that begins with {text}", hint=hint)
    if len(candidates) > 1:
        lines = [*candidates.values()][:_SHOWN] + ["..."] * (len(candidates) > _SHOWN)
        listed = "".join(f"\n  {line}" for line in lines)
        raise InvalidArgument(f"several {noun}s have ids that begin with {text}:{listed}")
    return next(iter(candidates))


def _line(task: TaskLine) -> str:
    whose = f"  of {shorten_id(task.owner)}" if task.owner else ""
    return f"{task.id}  {task.status:<9}  {shorten(task.prompt, 24)}{whose}"
