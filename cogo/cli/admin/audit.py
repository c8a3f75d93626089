"""`cogo audit`: every call to a model: where it went, what it used and cost."""

import asyncio
from typing import Annotated, Final

import typer

from cogo.cli.admin.grants import parse_owner
from cogo.cli.options import AsJson, Dir
from cogo.cli.pages import Every, Limit, print_more, read_pages
from cogo.cli.since import Since, parse_since
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_table
from cogo.watch.format import marked, short
from cogo.wiring.stores import open_spending
from protocol.records import CallRow

EXAMPLES: Final = (
    "cogo audit",
    "cogo audit --since 7d --limit 1000 --json",
    "cogo audit --owner 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c",
)
HEADINGS: Final = (
    "WHEN", "MODEL", "PROVIDER", "REGIONS", "OUTCOME", "IN", "CACHED", "OUT", "COST", "MASKED",
    "KEY", "PROMPT SHA-256", "TASK",
)  # fmt: skip
LEAST: Final = (
    "PROMPT SHA-256", "KEY", "MASKED", "CACHED", "REGIONS", "IN", "OUT", "PROVIDER", "COST",
)  # fmt: skip
"""Columns that a narrow terminal leaves out, the least important first."""


def audit(
    *,
    since: Since = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="Only of this user (uuid), or none.")
    ] = None,
    limit: Limit = 50,
    every: Every = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List every call to a model: where it went, what it cost; the newest first.

    Prompts are kept as a hash only. With COGO_STORE_PROMPTS=true for the executors, --json
    shows them as they were sent.
    """
    moment = parse_since(since)
    whose = None if owner is None else parse_owner(owner)

    async def read() -> tuple[list[CallRow], bool]:
        async with open_spending(find_connection(Project.find(directory))) as store:
            return await read_pages(
                lambda count, last: store.fetch_calls(
                    limit=count,
                    since=moment,
                    owner=whose,
                    every_owner=owner is None,
                    last=last,
                ),
                limit=limit,
                every=every,
            )

    found, has_more = asyncio.run(read())
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
    elif not found:
        print_line("no model was called in that time")
    else:
        print_table(HEADINGS, [_row(each) for each in found], drop=LEAST)
    print_more(len(found), has_more=has_more)


def _row(call: CallRow) -> tuple[str, ...]:
    return (
        call.started_at.isoformat(timespec="seconds"),
        call.model_id,
        marked(call.provider, simulated=call.simulated),
        ", ".join(call.regions or ["?"]),
        f"{call.outcome} ({call.error_class})" if call.error_class else call.outcome,
        _number(call.input_tokens),
        _number(call.cached_tokens),
        _number(call.output_tokens),
        f"${call.cost_usd:.6f}" if call.cost_usd is not None else "?",
        _number(call.masked_keys),
        call.key_label or "-",
        (call.prompt_sha256 or "-")[:12],
        short(call.task_id or "-"),
    )


def _number(value: int | None) -> str:
    return "?" if value is None else str(value)
