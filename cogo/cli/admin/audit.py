"""`cogo audit`: every call to a model."""

from typing import Annotated, Final

import typer

from cogo.cli.listing import print_more, print_rows, read_pages
from cogo.cli.options import All, AsJson, Dir, Limit, Since, parse_owner, parse_since
from cogo.cli.session import run_with_store
from cogo.watch.format import mark_simulated, shorten_id
from protocol.records import CallRow
from protocol.store.spending import SpendingStore

_HEADINGS: Final = (
    "WHEN", "MODEL", "PROVIDER", "REGIONS", "OUTCOME", "IN", "CACHED", "OUT", "COST", "MASKED",
    "KEY", "PROMPT SHA-256", "TASK",
)  # fmt: skip
_DROPPED: Final = (
    "PROMPT SHA-256", "KEY", "MASKED", "CACHED", "REGIONS", "IN", "OUT", "PROVIDER", "COST",
)  # fmt: skip
"""Columns that a narrow terminal leaves out, the least important first."""
_NO_CALLS: Final = "no model was called in this period"


def list_calls(
    *,
    since: Since = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="Only calls for this user (UUID), or none.")
    ] = None,
    limit: Limit = 50,
    every: All = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List every call to a model.

    Shows the model, usage and cost of each, the newest first. Only a hash of each prompt is stored,
    unless executors run with COGO_STORE_PROMPTS=true: then --json shows prompts as sent.

    Examples:
        cogo audit
        cogo audit --since 7d --limit 1000 --json
        cogo audit --owner 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c
    """
    moment = parse_since(since)
    whose = None if owner is None else parse_owner(owner)

    async def read(store: SpendingStore) -> tuple[list[CallRow], bool]:
        return await read_pages(
            lambda count, last: store.fetch_calls(
                limit=count, since=moment, owner=whose, every_owner=owner is None, last=last
            ),
            limit=limit,
            every=every,
            as_json=as_json,
        )

    found, has_more = run_with_store(directory, read)
    print_rows(
        found,
        _HEADINGS,
        _build_cells,
        as_json=as_json,
        empty=_NO_CALLS,
        drop=_DROPPED,
    )
    print_more(len(found), has_more=has_more)


def _build_cells(call: CallRow) -> tuple[str, ...]:
    return (
        call.started_at.isoformat(timespec="seconds"),
        call.model_id,
        mark_simulated(call.provider, simulated=call.simulated),
        ", ".join(call.regions or ["?"]),
        f"{call.outcome} ({call.error_class})" if call.error_class else call.outcome,
        _format_count(call.input_tokens),
        _format_count(call.cached_tokens),
        _format_count(call.output_tokens),
        f"${call.cost_usd:.6f}" if call.cost_usd is not None else "?",
        _format_count(call.masked_keys),
        call.key_label or "-",
        (call.prompt_sha256 or "-")[:12],
        shorten_id(call.task_id or "-"),
    )


def _format_count(value: int | None) -> str:
    return "?" if value is None else str(value)
