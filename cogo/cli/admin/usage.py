"""`cogo usage`: tokens and costs from the database, by model, owner, provider or day."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from cogo.cli.options import AsJson, Dir
from cogo.cli.since import Since, parse_since
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_table
from cogo.watch.format import marked
from cogo.wiring.stores import open_spending
from protocol.records import UsageRow

EXAMPLES: Final = ("cogo usage", "cogo usage --by day --since 7d", "cogo usage --by owner --json")
SUMS: Final = (
    "calls", "failed", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens",
    "reasoning_tokens", "cost_usd", "unpriced",
)  # fmt: skip


class By(StrEnum):
    """What a line of the table stands for."""

    MODEL = "model"
    OWNER = "owner"
    PROVIDER = "provider"
    DAY = "day"


def usage(
    *,
    by: Annotated[By, typer.Option("--by", help="What a line stands for.")] = By.MODEL,
    since: Since = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show what was used and spent, by model, owner, provider or day.

    Days are whole days (UTC). Calls whose cost nobody knows are counted as unpriced and are not
    in the sum.
    """
    moment = parse_since(since)

    async def read() -> list[UsageRow]:
        async with open_spending(find_connection(Project.find(directory))) as store:
            return await store.fetch_usage(since=moment)

    sums = sums_by(by, asyncio.run(read()))
    if as_json:
        print_json(
            [
                {by.value: name, "simulated": simulated, **numbers}
                for (name, simulated), numbers in sums.items()
            ]
        )
    elif not sums:
        print_line("no model was called in that time")
    else:
        headings = (by.value.upper(), "CALLS", "FAILED", "IN", "CACHED", "WRITTEN", "OUT",
                    "REASONING", "COST", "UNPRICED")  # fmt: skip
        rows = [
            (marked(name, simulated=simulated), *_cells(numbers))
            for (name, simulated), numbers in sums.items()
        ]
        print_table(headings, rows, drop=("WRITTEN", "CACHED", "REASONING", "FAILED", "UNPRICED"))


def sums_by(by: By, rows: Sequence[UsageRow]) -> dict[tuple[str, bool], dict[str, Any]]:
    """Add up the rows, simulated ones on their own; the dearest first, days in their order."""
    sums: dict[tuple[str, bool], dict[str, Any]] = {}
    for row in rows:
        name = str({
            By.MODEL: row.model_id,
            By.OWNER: row.owner or "none",
            By.PROVIDER: row.provider,
            By.DAY: row.day,
        }[by])  # fmt: skip
        numbers = sums.setdefault(
            (name, row.simulated), dict.fromkeys(SUMS, 0) | {"cost_usd": Decimal(0)}
        )
        for each in SUMS:
            numbers[each] += getattr(row, each)
    if by is By.DAY:
        return dict(sorted(sums.items()))
    return dict(sorted(sums.items(), key=lambda item: (-item[1]["cost_usd"], item[0])))


def _cells(numbers: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"${numbers[name]:.4f}" if name == "cost_usd" else str(numbers[name]) for name in SUMS
    )
