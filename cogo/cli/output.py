"""Output: what commands print, for people and for programs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def print_line(text: str = "", *, err: bool = False) -> None:
    """Print one line; a reader that went away ends nothing but the line."""
    try:
        typer.echo(text, err=err)
    except (OSError, ValueError):
        # The terminal was closed or the pipe broke: a drain must still run to its end.
        return


def print_json(value: "DataclassInstance | dict[str, object] | list[object]") -> None:
    """Print `value` as one line of JSON."""
    plain = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    print_line(json.dumps(plain, default=str, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns that line up, without a frame."""
    cells = [tuple(headings), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print_line(line.rstrip())
