"""Filters of tasks as options, which lists and actions on many tasks share."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import typer

from cogo.cli.options import parse_owner, parse_since, parse_usd
from protocol.errors import InvalidArgument
from protocol.lifecycle import TaskState
from protocol.records import TaskFilter

MAX_SEARCH: Final = 500


def build_filter(
    *,
    status: Annotated[
        list[TaskState] | None, typer.Option("--status", help="Only with this status; repeatable.")
    ] = None,
    task_type: Annotated[
        list[str] | None, typer.Option("--type", help="Only of this type; repeatable.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Only those that name or used this model; repeatable."),
    ] = None,
    owner: Annotated[
        list[str] | None,
        typer.Option(help="Only of this user, a UUID, or none for no owner; repeatable."),
    ] = None,
    project: Annotated[
        list[str] | None,
        typer.Option(help="Only of this project, or none for no project; repeatable."),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only with this tag; repeat it for all of several.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Created then or later: a span such as 2h or 7d, yesterday, or a date."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Created before: as with --since.")] = None,
    min_cost: Annotated[
        str | None, typer.Option(help="Only with this cost in US dollars, or more.")
    ] = None,
    max_cost: Annotated[
        str | None, typer.Option(help="Only with this cost in US dollars, or less.")
    ] = None,
    search: Annotated[
        str | None,
        typer.Option(
            help='Words of the prompt, the result or the error: sort "a list" -numbers or heap.'
        ),
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only with a dead letter.")] = False,
    asking: Annotated[
        bool, typer.Option("--asking", help="Only with an open question to a person.")
    ] = False,
    children: Annotated[
        bool, typer.Option("--children", help="Include child tasks of workflows.")
    ] = False,
) -> TaskFilter:
    """Return what the options ask for. Raises InvalidArgument."""
    if search is not None and len(search) > MAX_SEARCH:
        raise InvalidArgument(f"--search has more than {MAX_SEARCH} characters")
    return TaskFilter(
        status=status or [],
        type=_check("--type", task_type),
        model=_check("--model", model),
        owner=[_parse_owner(each) for each in owner or []],
        project=_check("--project", project),
        tag=_check("--tag", tag),
        since=parse_since(since),
        until=parse_since(until, option="--until"),
        min_cost=None if min_cost is None else parse_usd(min_cost),
        max_cost=None if max_cost is None else parse_usd(max_cost),
        q=None if search is None else search.strip() or None,
        dead=dead,
        asking=asking,
        children=children,
    )


def takes_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `build_filter` to a command, which gets its result as `wanted`."""
    filters = inspect.signature(build_filter).parameters

    @functools.wraps(command)
    def run(**given: Any) -> None:
        wanted = build_filter(**{name: given.pop(name) for name in filters})
        command(wanted=wanted, **given)

    own = inspect.signature(command).parameters
    first = [own[name] for name in own if own[name].default is inspect.Parameter.empty]
    rest = [own[name] for name in own if own[name].default is not inspect.Parameter.empty]
    named = [each for each in first if each.name != "wanted"]
    run.__signature__ = inspect.Signature([*named, *filters.values(), *rest])  # type: ignore[attr-defined]
    return run


def _check(option: str, values: list[str] | None) -> list[str]:
    if any(len(each) > 255 for each in values or []):
        raise InvalidArgument(f"{option} has more than 255 characters")
    return values or []


def _parse_owner(text: str) -> UUID | Literal["none"]:
    return parse_owner(text) or "none"
