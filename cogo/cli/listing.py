"""Output of commands that list rows: a table or JSON, a limited number of rows or all."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from pydantic import BaseModel

from cogo.cli.progress import open_bar
from cogo.terminal import print_json, print_table, print_text

_PAGE: Final = 1000
_T = TypeVar("_T")
_Row = TypeVar("_Row", bound=BaseModel)


def print_rows(
    rows: Sequence[_Row],
    headings: Sequence[str],
    cells: Callable[[_Row], tuple[str, ...]],
    *,
    as_json: bool,
    empty: str,
    drop: Sequence[str] = (),
    brief: bool = False,
) -> None:
    """Print rows as JSON or as a table, or the sentence `empty` instead of an empty table.

    `drop` and `brief` as for `print_table`.
    """
    if as_json:
        print_json(rows)
    elif not rows:
        print_text(empty)
    else:
        print_table(headings, map(cells, rows), drop=drop, brief=brief)


async def read_pages(
    read: Callable[[int, _T | None], Awaitable[list[_T]]], *, limit: int, every: bool, as_json: bool
) -> tuple[list[_T], bool]:
    """Return the first `limit` rows, or every one, and whether there are more.

    `read` returns at most the given number of rows after a row, or the first rows if that is None.
    A page may be shorter than requested; only an empty one is the end. How many rows are read is
    shown unless they are printed as JSON.
    """
    found: list[_T] = []
    with open_bar("read", is_hidden=as_json or not (every or limit > _PAGE)) as bar:
        while every or len(found) <= limit:
            count = _PAGE if every else min(_PAGE, limit + 1 - len(found))
            page = await read(count, found[-1] if found else None)
            if not page:
                break
            found += page
            bar.show(len(found))
    return (found, False) if every else (found[:limit], len(found) > limit)


def print_more(shown: int, *, has_more: bool) -> None:
    """Print to standard error that there are more rows."""
    if has_more:
        print_text(f"(the newest {shown}; use --limit N for more, --all for all)", err=True)
