"""`cogo queue`: how much stands where, since when, and what limits it."""

import asyncio
from datetime import timedelta
from typing import Final

from cogo.cli.options import AsJson, Dir
from cogo.config.context import Project
from cogo.terminal import print_json, print_table, print_text
from cogo.watch.format import short
from cogo.wiring.stores import open_client
from protocol.records import QueueRow

EXAMPLES: Final = {"show": ("cogo queue", "cogo queue --json")}
HEADINGS: Final = (
    "LANE",
    "OWNER",
    "QUEUED",
    "OLDEST",
    "RUNNING",
    "LATER",
    "BLOCKED",
    "DEAD",
    "DONE/MIN",
    "FAILED/MIN",
    "LIMITS",
)


def show(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show how many subtasks stand where, by model and owner: depth, oldest, rates, limits."""
    rows = asyncio.run(_queue(Project.find(directory)))
    if as_json:
        print_json([row.model_dump(mode="json") for row in rows])
    elif not rows:
        print_text(
            'nothing is queued; try `cogo submit "Write a Python function is_palindrome(text)"`'
        )
    else:
        drop = ("DEAD", "BLOCKED", "LATER", "FAILED/MIN", "DONE/MIN", "OWNER")
        print_table(HEADINGS, [_row(row) for row in rows], drop=drop)


async def _queue(project: Project) -> list[QueueRow]:
    async with open_client(project) as client:
        return await client.store.fetch_queue()


def _row(row: QueueRow) -> tuple[str, ...]:
    return (
        row.lane,
        short(row.owner) if row.owner else "-",
        str(row.queued),
        "-" if row.oldest_ms is None else _age(timedelta(milliseconds=row.oldest_ms)),
        str(row.running),
        str(row.delayed + row.waiting + row.held),
        str(row.blocked),
        str(row.dead),
        f"{row.completed_per_minute:g}",
        f"{row.failed_per_minute:g}",
        ", ".join([*_lane_limits(row), *_owner_limits(row)]) or "-",
    )


def _lane_limits(row: QueueRow) -> list[str]:
    return _limits("lane", row.lane_paused, row.lane_max_running, row.lane_per_minute)


def _owner_limits(row: QueueRow) -> list[str]:
    return _limits("owner", row.owner_paused, row.owner_max_running, row.owner_per_minute)


def _limits(whose: str, paused: bool, running: int | None, rate: int | None) -> list[str]:
    words = [f"{whose} paused"] if paused else []
    if running is not None:
        words.append(f"{whose} {running} running")
    if rate is not None:
        words.append(f"{whose} {rate}/min")
    return words


def _age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
