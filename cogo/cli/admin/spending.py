"""`cogo usage` and `cogo audit`: the tokens and costs of calls to models."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from cogo.cli.listing import print_more, print_rows, read_pages
from cogo.cli.options import All, AsJson, Dir, Limit, Since, parse_owner, parse_since
from cogo.cli.session import run_with_store
from cogo.terminal import print_json, print_line, print_table
from cogo.watch.format import mark_simulated, shorten_id
from protocol.records import CallRow, UsageRow
from protocol.store.spending import SpendingStore

_SUMS: Final = (
    "calls", "failed", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens",
    "reasoning_tokens", "cost_usd", "unpriced",
)  # fmt: skip
_SUM_HEADINGS: Final = (
    "CALLS", "FAILED", "IN", "CACHED", "WRITTEN", "OUT", "REASONING", "COST", "UNPRICED",
)  # fmt: skip
_SUM_DROPPED: Final = ("WRITTEN", "CACHED", "REASONING", "FAILED", "UNPRICED")
_CALL_HEADINGS: Final = (
    "WHEN", "MODEL", "PROVIDER", "REGIONS", "OUTCOME", "IN", "CACHED", "OUT", "COST", "MASKED",
    "KEY", "PROMPT SHA-256", "TASK",
)  # fmt: skip
_CALL_DROPPED: Final = (
    "PROMPT SHA-256", "KEY", "MASKED", "CACHED", "REGIONS", "IN", "OUT", "PROVIDER", "COST",
)  # fmt: skip
"""Columns that a narrow terminal leaves out, the least important first; so is the one above."""
_NO_CALLS: Final = "no model was called in this period"


class UsageKey(StrEnum):
    """The key by which usage is grouped."""

    MODEL = "model"
    OWNER = "owner"
    PROVIDER = "provider"
    DAY = "day"


def show_usage(
    *,
    by: Annotated[UsageKey, typer.Option("--by", help="Group the calls by this.")] = UsageKey.MODEL,
    since: Since = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show tokens and costs.

    Sums calls by model, owner, provider or day (UTC). Calls whose cost is unknown are counted as
    unpriced and not included in the cost.

    Examples:
        cogo usage
        cogo usage --by day --since 7d
        cogo usage --by owner --json
    """
    moment = parse_since(since)
    sums = sum_usage(by, run_with_store(directory, lambda store: store.fetch_usage(since=moment)))
    if as_json:
        print_json(
            [
                {by.value: name, "simulated": simulated, **numbers}
                for (name, simulated), numbers in sums.items()
            ]
        )
    elif not sums:
        print_line(_NO_CALLS)
    else:
        rows = [
            (mark_simulated(name, simulated=simulated), *_sum_cells(numbers))
            for (name, simulated), numbers in sums.items()
        ]
        print_table((by.value.upper(), *_SUM_HEADINGS), rows, drop=_SUM_DROPPED)


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
        )

    found, has_more = run_with_store(directory, read)
    print_rows(
        found,
        _CALL_HEADINGS,
        _call_cells,
        as_json=as_json,
        empty=_NO_CALLS,
        drop=_CALL_DROPPED,
    )
    print_more(len(found), has_more=has_more)


def sum_usage(by: UsageKey, rows: Sequence[UsageRow]) -> dict[tuple[str, bool], dict[str, Any]]:
    """Return sums by name, simulated ones separately; the most expensive first, days in order."""
    sums: dict[tuple[str, bool], dict[str, Any]] = {}
    for row in rows:
        name = str({
            UsageKey.MODEL: row.model_id,
            UsageKey.OWNER: row.owner or "none",
            UsageKey.PROVIDER: row.provider,
            UsageKey.DAY: row.day,
        }[by])  # fmt: skip
        numbers = sums.setdefault(
            (name, row.simulated), dict.fromkeys(_SUMS, 0) | {"cost_usd": Decimal(0)}
        )
        for each in _SUMS:
            numbers[each] += getattr(row, each)
    if by is UsageKey.DAY:
        return dict(sorted(sums.items()))
    return dict(sorted(sums.items(), key=lambda item: (-item[1]["cost_usd"], item[0])))


def _sum_cells(numbers: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"${numbers[name]:.4f}" if name == "cost_usd" else str(numbers[name]) for name in _SUMS
    )


def _call_cells(call: CallRow) -> tuple[str, ...]:
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
