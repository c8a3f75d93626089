"""`cogo queue pause|resume|limit`: what an operator lets run of a lane or of an owner."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final, Self
from uuid import UUID

import typer

from cogo.cli.options import AsJson, Dir
from cogo.config.context import Project
from cogo.terminal import print_json, print_line
from cogo.wiring.stores import open_client
from protocol.errors import InvalidArgument
from protocol.json_values import parse_count
from protocol.records import Limits

EXAMPLES: Final = {
    "pause": (
        "cogo queue pause --lane claude-sonnet-5-5",
        "cogo queue pause --owner 3f2a9c1e-0d4b-4c55-9a51-7b1f0c2d3e4f --json",
    ),
    "resume": ("cogo queue resume --lane claude-sonnet-5-5", "cogo queue resume --owner none"),
    "limit": (
        "cogo queue limit --lane claude-sonnet-5-5 --running 8 --per-minute 120",
        "cogo queue limit --owner none --running none",
    ),
}

NONE: Final = "none"
"""On the command line: no owner, or no limit."""

UNLIMITED: Final = -1

LaneOption = Annotated[str | None, typer.Option("--lane", help="A model's id; cio for planning.")]
OwnerOption = Annotated[
    str | None, typer.Option("--owner", help="A user's id; none for tasks without an owner.")
]
RunningOption = Annotated[
    str | None, typer.Option("--running", help="How many may run at once; none for any number.")
]
RateOption = Annotated[
    str | None, typer.Option("--per-minute", help="How many may start a minute; none for any.")
]


def pause(
    *,
    lane: LaneOption = None,
    owner: OwnerOption = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Stop claims of a lane or of an owner; what runs is finished."""
    _change(Change(paused=True), lane, owner, Project.find(directory), as_json=as_json)


def resume(
    *,
    lane: LaneOption = None,
    owner: OwnerOption = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Let a paused lane or owner go on, within the limits that it has."""
    _change(Change(paused=False), lane, owner, Project.find(directory), as_json=as_json)


def limit(
    *,
    lane: LaneOption = None,
    owner: OwnerOption = None,
    running: RunningOption = None,
    per_minute: RateOption = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Limit how much of a lane or of an owner runs at once, and how much starts in a minute.

    Limits hold over all agents together. What is not named stays as it is; `cogo queue` shows
    what is in force.
    """
    if running is None and per_minute is None:
        raise InvalidArgument("nothing to change: name --running, --per-minute or both")
    change = Change(
        max_running=_number("--running", running, least=0),
        per_minute=_number("--per-minute", per_minute, least=1),
    )
    _change(change, lane, owner, Project.find(directory), as_json=as_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What shall be different; None leaves as it is, -1 takes a limit away."""

    paused: bool | None = None
    max_running: int | None = None
    per_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A lane, or where there is none an owner (None: tasks without one)."""

    lane: str | None
    owner: UUID | None

    @classmethod
    def read(cls, lane: str | None, owner: str | None) -> Self:
        """Read the two options; raises InvalidArgument unless exactly one is there."""
        if (lane is None) == (owner is None):
            raise InvalidArgument("name one of the two: --lane MODEL or --owner ID")
        if lane is not None:
            if not lane.strip():
                raise InvalidArgument("--lane must be a model's id, or cio for planning")
            return cls(lane=lane.strip(), owner=None)
        try:
            return cls(lane=None, owner=None if owner == NONE else UUID(owner))
        except ValueError as error:
            raise InvalidArgument(
                f"--owner {owner!r} is neither a user's id (a uuid) nor none"
            ) from error

    def __str__(self) -> str:
        if self.lane is not None:
            return f"lane {self.lane}"
        return f"owner {self.owner}" if self.owner else "tasks without an owner"


def _number(option: str, text: str | None, *, least: int) -> int | None:
    if text is None:
        return None
    if text == NONE:
        return UNLIMITED
    number = parse_count(text, most=2**31 - 1)
    if number is None or number < least:
        raise InvalidArgument(f"{option} must be a whole number from {least} on, or none")
    return number


def _change(
    change: Change, lane: str | None, owner: str | None, project: Project, *, as_json: bool
) -> None:
    line = Line.read(lane, owner)
    limits = asyncio.run(_set(project, line, change))
    if as_json:
        print_json(limits.model_dump(mode="json"))
        return
    words = ["paused" if limits.paused else "open"]
    if limits.max_running is not None:
        words.append(f"at most {limits.max_running} running")
    if limits.per_minute is not None:
        words.append(f"at most {limits.per_minute} a minute")
    print_line(f"{line}: {', '.join(words)}; {limits.running} running now")


async def _set(project: Project, line: Line, change: Change) -> Limits:
    async with open_client(project) as client:
        if line.lane is not None:
            return await client.store.set_lane(
                lane=line.lane,
                paused=change.paused,
                max_running=change.max_running,
                per_minute=change.per_minute,
            )
        return await client.store.set_owner(
            owner=line.owner,
            paused=change.paused,
            max_running=change.max_running,
            per_minute=change.per_minute,
        )
