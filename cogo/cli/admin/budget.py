"""`cogo budget`: caps on what models may cost, and how they stand."""

import asyncio
from decimal import Decimal
from typing import Annotated, Final, cast
from uuid import UUID

import typer

from cogo.cli.options import AsJson, Dir
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.terminal import print_json, print_table, print_text
from cogo.wiring.stores import open_spending
from protocol.errors import InvalidArgument
from protocol.records import Budget, BudgetPeriod, BudgetScope

EXAMPLES: Final = {
    "set": (
        "cogo budget set total 20 --per day",
        "cogo budget set provider:anthropic 100 --per month",
        "cogo budget set owner:8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c 5 --per day",
        "cogo budget set 'owner:*' 0.50 --per day",
    ),
    "list": ("cogo budget", "cogo budget list --json"),
    "remove": ("cogo budget remove provider:anthropic --per month",),
}

_NOBODY: Final = str(UUID(int=0))
"""How the database writes the owner of tasks without one."""

For = Annotated[
    str,
    typer.Argument(
        metavar="FOR",
        help="total, owner:<uuid>, owner:none (tasks without one), 'owner:*' (each user without a "
        "cap of their own; anonymous sign-ins share one), owner:anonymous, provider:<id>.",
    ),
]
Per = Annotated[str, typer.Option("--per", help="day or month (UTC), or ever.")]


def set_(
    *,
    target: For,
    usd: Annotated[str, typer.Argument(help="US dollars.")],
    per: Per = "day",
    allow_unpriced: Annotated[
        bool, typer.Option("--allow-unpriced", help="Let models pass whose price is not known.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Cap what models may cost. What a call may cost at most is reserved before it is made."""
    scope, key = parse_target(target)
    try:
        limit = Decimal(usd.removeprefix("$"))
    except ArithmeticError:
        limit = Decimal("NaN")
    if not limit.is_finite():
        raise InvalidArgument(f"{usd!r} is no amount of US dollars", hint="example: 20")

    async def send() -> Budget:
        async with open_spending(find_connection(Project.find(directory))) as store:
            return await store.set_budget(
                scope=scope,
                key=key,
                per=parse_period(per),
                limit_usd=limit,
                allow_unpriced=allow_unpriced,
            )

    _print([asyncio.run(send())], as_json=as_json)


def list_(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List the caps: what is spent, what calls that run have reserved, and when they reset."""

    async def read() -> list[Budget]:
        async with open_spending(find_connection(Project.find(directory))) as store:
            return await store.fetch_budgets()

    found = asyncio.run(read())
    if not found and not as_json:
        print_text("there are no caps; try `cogo budget set total 20 --per day`")
    elif as_json:
        _print(found, as_json=True)
    else:
        _print([each for each in found if not each.is_personal_default], as_json=False)


def remove(
    *, target: For, per: Per = "day", directory: Dir = None, as_json: AsJson = False
) -> None:
    """Take a cap away."""
    scope, key = parse_target(target)

    async def send() -> bool:
        async with open_spending(find_connection(Project.find(directory))) as store:
            return await store.remove_budget(scope=scope, key=key, per=parse_period(per))

    removed = asyncio.run(send())
    if as_json:
        print_json({"removed": removed})
    else:
        print_text("removed" if removed else "there was no such cap; `cogo budget` lists them")


def parse_target(text: str) -> tuple[BudgetScope, str | None]:
    """Read what a cap is for. Raises InvalidArgument."""
    scope, _, key = text.partition(":")
    if text == "total":
        return "total", None
    if scope in {"owner", "provider"} and key:
        return cast("BudgetScope", scope), None if (scope, key) == ("owner", "none") else key
    raise InvalidArgument(
        f"{text!r} is nothing that a cap can be for",
        hint="it is total, owner:<uuid>, owner:none, owner:*, owner:anonymous or provider:<id>",
    )


def parse_period(text: str) -> BudgetPeriod:
    """Read how often a cap resets. Raises InvalidArgument."""
    if text not in {"day", "month", "ever"}:
        raise InvalidArgument(f"--per is {text!r}", hint="it is day, month or ever")
    return cast("BudgetPeriod", text)


def _print(budgets: list[Budget], *, as_json: bool) -> None:
    if as_json:
        print_json([each.model_dump(mode="json") for each in budgets])
        return
    print_table(
        ("FOR", "PER", "LIMIT", "SPENT", "RESERVED", "UNPRICED", "RESETS"),
        [
            (
                _target(each),
                each.per,
                f"${each.limit_usd:f}",
                "each" if each.is_template else f"${each.spent_usd:.4f}",
                "each" if each.is_template else f"${each.reserved_usd:.4f}",
                "allowed" if each.allow_unpriced else "refused",
                each.resets_at.isoformat(timespec="minutes") if each.resets_at else "never",
            )
            for each in budgets
        ],
        drop=("UNPRICED", "RESERVED", "RESETS"),
    )


def _target(budget: Budget) -> str:
    """Name what a cap is for as `cogo budget remove` takes it."""
    if budget.scope == "total":
        return budget.scope
    is_nobody = budget.scope == "owner" and budget.key == _NOBODY
    return f"{budget.scope}:{'none' if is_nobody else budget.key}"
