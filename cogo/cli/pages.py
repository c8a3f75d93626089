"""Lists that may be long: the latest so many, or all of them, and a word when there are more."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

import typer

from cogo.terminal import print_text

Limit = Annotated[int, typer.Option("--limit", min=1, help="The latest so many.")]
Every = Annotated[bool, typer.Option("--all", help="All of them, however many.")]

_PAGE: Final = 1000
_T = TypeVar("_T")


async def read_pages(
    read: Callable[[int, _T | None], Awaitable[list[_T]]], *, limit: int, every: bool
) -> tuple[list[_T], bool]:
    """Return the first `limit` rows, or every one, and whether there are more.

    `read` gives at most so many rows that come after a row, from the first one on where that is
    None. A page may be shorter than asked for; only an empty one is the end.
    """
    found: list[_T] = []
    while every or len(found) <= limit:
        wanted = _PAGE if every else min(_PAGE, limit + 1 - len(found))
        page = await read(wanted, found[-1] if found else None)
        if not page:
            break
        found += page
    return (found, False) if every else (found[:limit], len(found) > limit)


def print_more(shown: int, *, has_more: bool) -> None:
    """Print on standard error that there is more."""
    if has_more:
        print_text(f"(the latest {shown}; --limit N shows more, --all every one)", err=True)
