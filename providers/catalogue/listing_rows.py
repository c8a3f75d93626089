"""Lists of models in the shapes that vendors give them; one odd row spoils nothing."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any, Final, TypeAlias

from providers.adapters.payload import text_in
from providers.adapters.token_counts import count
from providers.errors import MalformedResponse

__all__ = [
    "Row",
    "day_in",
    "number_in",
    "read_pages",
    "read_rows",
    "row_id",
]

_MOST_PAGES: Final = 20
_SHAPES: Final = ("data", "models")

Row: TypeAlias = Mapping[str, Any]
"""One model as its provider describes it."""


def read_rows(vendor: str, page: object) -> list[Row]:
    """Return the models of `{"data": [...]}`, `{"models": [...]}` or a bare list.

    Raises:
        MalformedResponse: it is no list of models. Nothing follows from that for any model.
    """
    shapes = [page.get(name) for name in _SHAPES] if isinstance(page, Mapping) else [page]
    rows = next((each for each in shapes if isinstance(each, list)), None)
    named = [row for row in rows or () if row_id(row, "id", "name")]
    if rows is None or (rows and not named):
        raise MalformedResponse(vendor, "the list of models is of a shape that is not known")
    return named


def row_id(row: object, *names: str) -> str:
    """Return the first of these fields that holds text, the empty text where none does."""
    if not isinstance(row, Mapping):
        return ""
    return next((text for name in names if (text := text_in(row, name))), "")


def number_in(row: Row, *names: str) -> int | None:
    """Return the first of these fields that holds a number of tokens."""
    return next((found for name in names if (found := count(row, name)) is not None), None)


def day_in(row: Row, name: str) -> date | None:
    """Return the day of a field with a date or a timestamp."""
    try:
        return date.fromisoformat((text_in(row, name) or "")[:10])
    except ValueError:
        return None


async def read_pages(
    vendor: str,
    ask: Callable[[Mapping[str, str]], Awaitable[object]],
    *,
    said: str = "nextPageToken",
    sent: str = "pageToken",
    more: str | None = None,
) -> list[Row]:
    """Return the models of all pages; `ask` sends parameters that say where the next one begins.

    The vendor tells this in the field `said` and hears it as `sent`; where it has a field `more`,
    there is another page only if that is true.

    Raises:
        MalformedResponse: see `read_rows`.
    """
    rows: list[Row] = []
    parameters: Mapping[str, str] = {}
    for _ in range(_MOST_PAGES):
        page = await ask(parameters)
        rows += read_rows(vendor, page)
        if not isinstance(page, Mapping) or (more is not None and page.get(more) is not True):
            break
        after = text_in(page, said)
        if not after:
            break
        parameters = {sent: after}
    return rows
