"""Lists of models in the shapes that vendors give them; one odd row spoils nothing."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, TypeAlias

from providers.counts import count
from providers.errors import MalformedResponse

__all__ = [
    "MOST_PAGES",
    "Row",
    "day_in",
    "next_page",
    "number_in",
    "read_rows",
    "row_id",
    "text_in",
]

MOST_PAGES: Final = 20
_SHAPES: Final = ("data", "models")

Row: TypeAlias = Mapping[str, Any]
"""One model as its provider describes it."""


def read_rows(vendor: str, page: object) -> list[Row]:
    """Return the models of `{"data": [...]}`, `{"models": [...]}` or a bare list.

    Raises:
        MalformedResponse: it is no list of models. Nothing follows from that for any model.
    """
    rows = page
    if isinstance(page, Mapping):
        rows = next((page[name] for name in _SHAPES if isinstance(page.get(name), list)), None)
    named = [row for row in rows if row_id(row, "id", "name")] if isinstance(rows, list) else []
    if not isinstance(rows, list) or (rows and not named):
        raise MalformedResponse(vendor, "the list of models is of a shape that is not known")
    return named


def row_id(row: object, *names: str) -> str:
    """Return the first of these fields that holds text, the empty text where none does."""
    if not isinstance(row, Mapping):
        return ""
    return next((text for name in names if (text := text_in(row, name))), "")


def text_in(row: Row, name: str) -> str | None:
    """Return the text of a field, None where it holds anything else."""
    value = row.get(name)
    return value if isinstance(value, str) else None


def number_in(row: Row, *names: str) -> int | None:
    """Return the first of these fields that holds a number of tokens."""
    return next((found for name in names if (found := count(row, name)) is not None), None)


def day_in(row: Row, name: str) -> date | None:
    """Return the day of a field with a date or a timestamp."""
    try:
        return date.fromisoformat((text_in(row, name) or "")[:10])
    except ValueError:
        return None


def next_page(page: object, name: str, *, more: str | None = None) -> str:
    """Return where the list goes on, the empty text at its end."""
    if not isinstance(page, Mapping) or (more is not None and page.get(more) is not True):
        return ""
    return text_in(page, name) or ""
