"""`cogo queue`: waiting and running subtasks, and their limits."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from cogo.cli.listing import print_rows
from cogo.cli.options import ActionReason, AsJson, Dir, parse_owner
from cogo.cli.session import run_with_store
from cogo.terminal import print_json, print_line, print_text
from cogo.watch.format import shorten_id
from cogo.watch.why_waiting import explain_stop
from protocol.errors import InvalidArgument
from protocol.json_values import parse_count
from protocol.records import Limits, QueueRow, SpendingStop
from protocol.store.gateway import GatewayStore
from protocol.store.operator import stating

_HEADINGS: Final = (
    "LANE", "OWNER", "QUEUED", "OLDEST", "RUNNING", "LATER", "BLOCKED", "DEAD", "DONE/MIN",
    "FAILED/MIN", "LIMITS",
)  # fmt: skip
_NO_LIMIT: Final = "none"
_UNLIMITED: Final = -1
"""The value with which the database removes a limit."""

Lane = Annotated[str | None, typer.Option("--lane", help="Id of a model, or cio for planning.")]
Owner = Annotated[
    str | None, typer.Option("--owner", help="UUID of a user, or none for tasks without owner.")
]


def show_queue(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show the queue by lane and owner.

    Shows numbers of subtasks, the age of the oldest, rates per minute and limits. LATER are
    delayed, waiting for approval or paused; BLOCKED wait for other subtasks; DEAD have failed
    for good.

    Examples:
        cogo queue
        cogo queue --json
    """

    async def fetch(store: GatewayStore) -> tuple[list[QueueRow], SpendingStop | None]:
        return await store.fetch_queue(), await store.fetch_spending_stop()

    rows, stop = run_with_store(directory, fetch)
    if stop is not None:
        print_text(explain_stop(stop), err=True)
    print_rows(
        rows,
        _HEADINGS,
        _cells,
        as_json=as_json,
        empty='the queue is empty; try `cogo submit "Write a Python function is_palindrome(text)"`',
        drop=("DEAD", "BLOCKED", "LATER", "FAILED/MIN", "DONE/MIN", "OWNER"),
    )


def pause(
    *,
    lane: Lane = None,
    owner: Owner = None,
    reason: ActionReason = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Pause a lane or an owner.

    Subtasks that are running finish; no other starts.

    Examples:
        cogo queue pause --lane claude-sonnet-5-5
        cogo queue pause --owner 3f2a9c1e-0d4b-4c55-9a51-7b1f0c2d3e4f --json
    """
    _change(lane, owner, directory, reason, as_json=as_json, paused=True)


def resume(
    *,
    lane: Lane = None,
    owner: Owner = None,
    reason: ActionReason = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Resume a paused lane or owner.

    Its limits stay.

    Examples:
        cogo queue resume --lane claude-sonnet-5-5
        cogo queue resume --owner none
    """
    _change(lane, owner, directory, reason, as_json=as_json, paused=False)


def limit(
    *,
    lane: Lane = None,
    owner: Owner = None,
    running: Annotated[
        str | None, typer.Option("--running", help="Maximum running at once, or none.")
    ] = None,
    per_minute: Annotated[
        str | None, typer.Option("--per-minute", help="Maximum started per minute, or none.")
    ] = None,
    reason: ActionReason = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Limit a lane or an owner.

    Limits apply to all agents together. An option that is not given leaves its limit unchanged.

    Examples:
        cogo queue limit --lane claude-sonnet-5-5 --running 8 --per-minute 120
        cogo queue limit --owner none --running none
    """
    if running is None and per_minute is None:
        raise InvalidArgument("nothing to change: use --running, --per-minute or both")
    _change(
        lane,
        owner,
        directory,
        reason,
        as_json=as_json,
        max_running=_parse_limit("--running", running, least=0),
        per_minute=_parse_limit("--per-minute", per_minute, least=1),
    )


def parse_subject(lane: str | None, owner: str | None) -> tuple[str | None, UUID | None]:
    """Return the lane, or None and the owner (None: tasks without one).

    Raises InvalidArgument unless exactly one of the two is given.
    """
    if (lane is None) == (owner is None):
        raise InvalidArgument("use either --lane MODEL or --owner ID")
    if owner is not None:
        return None, parse_owner(owner)
    if not lane or not lane.strip():
        raise InvalidArgument("--lane must be a model's id, or cio for planning")
    return lane.strip(), None


def _parse_limit(option: str, text: str | None, *, least: int) -> int | None:
    if text is None:
        return None
    if text == _NO_LIMIT:
        return _UNLIMITED
    number = parse_count(text, most=2**31 - 1)
    if number is None or number < least:
        raise InvalidArgument(f"{option} must be a whole number of at least {least}, or none")
    return number


def _change(
    lane: str | None,
    owner: str | None,
    directory: Path | None,
    reason: str | None,
    *,
    as_json: bool,
    paused: bool | None = None,
    max_running: int | None = None,
    per_minute: int | None = None,
) -> None:
    """Change a lane or an owner and print its limits; None leaves a limit, -1 removes it."""
    lane, whose = parse_subject(lane, owner)

    async def send(store: GatewayStore) -> Limits:
        with stating(reason):
            if lane is not None:
                return await store.set_lane(
                    lane=lane, paused=paused, max_running=max_running, per_minute=per_minute
                )
            return await store.set_owner(
                owner=whose, paused=paused, max_running=max_running, per_minute=per_minute
            )

    limits = run_with_store(directory, send)
    if as_json:
        print_json(limits)
        return
    subject = f"lane {lane}" if lane else f"owner {whose}" if whose else "tasks without an owner"
    words = ["paused" if limits.paused else "open"]
    if limits.max_running is not None:
        words.append(f"at most {limits.max_running} running")
    if limits.per_minute is not None:
        words.append(f"at most {limits.per_minute} a minute")
    print_line(f"{subject}: {', '.join(words)}; {limits.running} running now")


def _cells(row: QueueRow) -> tuple[str, ...]:
    limits = [
        *_format_limits("lane", row.lane_paused, row.lane_max_running, row.lane_per_minute),
        *_format_limits("owner", row.owner_paused, row.owner_max_running, row.owner_per_minute),
    ]
    return (
        row.lane,
        shorten_id(row.owner) if row.owner else "-",
        str(row.queued),
        "-" if row.oldest_ms is None else _format_age(timedelta(milliseconds=row.oldest_ms)),
        str(row.running),
        str(row.delayed + row.waiting + row.held),
        str(row.blocked),
        str(row.dead),
        f"{row.completed_per_minute:g}",
        f"{row.failed_per_minute:g}",
        ", ".join(limits) or "-",
    )


def _format_limits(whose: str, paused: bool, running: int | None, rate: int | None) -> list[str]:
    words = [f"{whose} paused"] if paused else []
    if running is not None:
        words.append(f"{whose} {running} running")
    if rate is not None:
        words.append(f"{whose} {rate}/min")
    return words


def _format_age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
