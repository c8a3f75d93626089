"""`cogo budget`: spending caps."""

from typing import Annotated, Final, cast
from uuid import UUID

import typer

from cogo.cli.listing import print_rows
from cogo.cli.options import NO_OWNER, AsJson, Dir, parse_usd
from cogo.cli.session import run_with_store
from cogo.terminal import print_json, print_text
from protocol.errors import InvalidArgument
from protocol.records import Budget, BudgetPeriod, BudgetScope

_NOBODY: Final = str(UUID(int=0))
"""How the database writes the owner of tasks without one."""

Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="total, provider:ID, project:NAME, owner:UUID, owner:none (tasks without an owner), "
        "'owner:*' (each user without a cap of their own; anonymous users share one) or "
        "owner:anonymous.",
    ),
]
Per = Annotated[str, typer.Option("--per", help="Period (UTC): day, month, or ever.")]


def set_budget(
    *,
    target: Target,
    usd: Annotated[str, typer.Argument(metavar="USD", help="The cap in US dollars.")],
    per: Per = "day",
    allow_unpriced: Annotated[
        bool, typer.Option("--allow-unpriced", help="Allow models whose price is unknown.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Set a spending cap.

    Before a call is made, its maximum cost is reserved; a call that could exceed a cap is
    refused.

    Examples:
        cogo budget set total 20 --per day
        cogo budget set provider:anthropic 100 --per month
        cogo budget set owner:8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c 5 --per day
        cogo budget set 'owner:*' 0.50 --per day
        cogo budget set project:website 200 --per month
    """
    scope, key = parse_target(target)
    period, limit = parse_period(per), parse_usd(usd)
    stored = run_with_store(
        directory,
        lambda store: store.set_budget(
            scope=scope, key=key, per=period, limit_usd=limit, allow_unpriced=allow_unpriced
        ),
    )
    _print([stored], as_json=as_json)


def list_budgets(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List spending caps and what is spent.

    Also shows what running calls have reserved, when each cap resets, and what people have approved
    on top of it (+) until then.

    Examples:
        cogo budget
        cogo budget list --json
    """
    found = run_with_store(directory, lambda store: store.fetch_budgets())
    _print(
        found if as_json else [each for each in found if not each.is_personal_default],
        as_json=as_json,
    )


def remove_budget(
    *, target: Target, per: Per = "day", directory: Dir = None, as_json: AsJson = False
) -> None:
    """Remove a spending cap.

    Examples:
        cogo budget remove provider:anthropic --per month
    """
    scope, key = parse_target(target)
    period = parse_period(per)
    removed = run_with_store(
        directory, lambda store: store.remove_budget(scope=scope, key=key, per=period)
    )
    if as_json:
        print_json({"removed": removed})
    else:
        print_text("removed" if removed else "no such cap; `cogo budget` lists them")


def parse_target(text: str) -> tuple[BudgetScope, str | None]:
    """Return the scope of a cap and its key. Raises InvalidArgument."""
    scope, _, key = text.partition(":")
    if text == "total":
        return "total", None
    if scope in {"owner", "provider", "column", "project"} and key:
        return cast("BudgetScope", scope), None if (scope, key) == ("owner", NO_OWNER) else key
    raise InvalidArgument(
        f"{text!r} cannot have a cap",
        hint="use total, owner:UUID, owner:none, owner:*, owner:anonymous, provider:ID, "
        "project:NAME or column:UUID",
    )


def parse_period(text: str) -> BudgetPeriod:
    """Return how often a cap resets. Raises InvalidArgument."""
    if text not in {"day", "month", "ever"}:
        raise InvalidArgument(f"--per is {text!r}", hint="use day, month or ever")
    return cast("BudgetPeriod", text)


def _print(budgets: list[Budget], *, as_json: bool) -> None:
    print_rows(
        budgets,
        ("FOR", "PER", "LIMIT", "SPENT", "RESERVED", "UNPRICED", "RESETS"),
        _cells,
        as_json=as_json,
        empty="no caps; try `cogo budget set total 20 --per day`",
        drop=("UNPRICED", "RESERVED", "RESETS"),
    )


def _cells(budget: Budget) -> tuple[str, ...]:
    return (
        _format_target(budget),
        budget.per,
        f"${budget.limit_usd:f}" + (f" + ${budget.extra_usd:f}" if budget.extra_usd else ""),
        "each" if budget.is_template else f"${budget.spent_usd:.4f}",
        "each" if budget.is_template else f"${budget.reserved_usd:.4f}",
        "allowed" if budget.allow_unpriced else "refused",
        budget.resets_at.isoformat(timespec="minutes") if budget.resets_at else "never",
    )


def _format_target(budget: Budget) -> str:
    """Return the target as `cogo budget remove` takes it."""
    if budget.scope == "total":
        return budget.scope
    is_nobody = budget.scope == "owner" and budget.key == _NOBODY
    return f"{budget.scope}:{NO_OWNER if is_nobody else budget.key}"
