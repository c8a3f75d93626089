r"""Output of commands on a terminal, for people and for programs.

Prompts, models, vendors, file names and error messages may contain escape sequences, other control
characters and bidirectional overrides. They are printed escaped (`\x1b`, `\u202e`), so that no text
can move the cursor, hide or reverse anything.
"""

import json
import os
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Final, TextIO

import typer

_GAP: Final = "  "
_FILLER: Final = "\0"
_JOINT: Final = "\1"
"""A space at which lines are not broken; `neutralize` removes both characters from texts."""
_NARROWEST: Final = 24
"""Minimum width of the last column of a table before other columns are left out."""
_LEAST_COLUMN: Final = 12
"""Width to which other columns are cut if leaving columns out is not enough."""
# Control characters (C0 except newline and tab, DEL, C1), overrides of direction, line and
# paragraph separators, and lone surrogates, which cannot be encoded.
_UNSAFE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def count_noun(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 thread` or `2 threads`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def print_line(text: str = "", *, err: bool = False) -> None:
    """Print one line. A closed pipe or terminal is ignored."""
    try:
        typer.echo(neutralize(text), err=err)
    except (OSError, ValueError):
        # A drain must complete even if nothing reads its output.
        return


def write_text(
    text: str, *, err: bool = False, dim: bool = False, color: str | None = None
) -> None:
    """Write text without a newline at its end; dim and coloured only on a terminal."""
    try:
        typer.secho(neutralize(text), err=err, nl=False, dim=dim or None, fg=color)
    except (OSError, ValueError):
        return  # as in `print_line`


def print_text(text: str, *, err: bool = False, indent: int = 0) -> None:
    """Print sentences, wrapped to the width of the terminal.

    `cogo ...` in backquotes is replaced by the command as this user must type it, and stays on one
    line to be copied. Lines after the first are indented.
    """
    width = get_terminal_width(sys.stderr if err else sys.stdout)
    first, *rest = neutralize(expand_commands(text)).split("\n")
    for line in (first, *(" " * indent + each for each in rest)):
        print_line(line if width is None else wrap_sentence(line, width, indent), err=err)


def wrap_sentence(line: str, width: int, indent: int = 0) -> str:
    """Return a sentence wrapped between words, but not within backquotes."""
    joined = re.sub(r"`[^`]*`", lambda command: command[0].replace(" ", _JOINT), line)
    return wrap_line(joined, width, indent).replace(_JOINT, " ")


def wrap_line(line: str, width: int, indent: int = 0) -> str:
    """Return a line wrapped between words; a word that is too long stays whole."""
    lead = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        _fill_wide(line),
        width,
        subsequent_indent=lead + " " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    ).replace(_FILLER, "")


def shorten(text: str, width: int) -> str:
    """Return the beginning of a text on one line, cut between words if possible."""
    line = _fill_wide(" ".join(text.split()))
    if len(line) > width:
        head, space, _ = line[: width - 2].rpartition(" ")
        line = (head if space else line[: width - 3]) + "..."
    return line.replace(_FILLER, "")


def _fill_wide(text: str) -> str:
    """Return the text with a filler after each character that takes two columns."""
    from rich.cells import get_character_cell_size  # noqa: PLC0415 - as in `lay_out_table`

    if text.isascii():
        return text
    return "".join(each + _FILLER * (get_character_cell_size(each) - 1) for each in text)


def get_terminal_width(stream: TextIO) -> int | None:
    """Return the width of the terminal of a stream, or None if it has none."""
    try:
        return (os.get_terminal_size(stream.fileno()).columns or 80) if stream.isatty() else None
    except (OSError, ValueError):
        return None


def print_json(value: object) -> None:
    """Print a value as one line of JSON; it may contain pydantic models and dataclasses."""
    print_line(escape_json(json.dumps(value, default=_to_plain, ensure_ascii=False)))


def _to_plain(value: object) -> object:
    from pydantic import BaseModel  # noqa: PLC0415 - slow import, not needed for `--help`

    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    drop: Sequence[str] = (),
    brief: bool = False,
) -> None:
    """Print a table without a frame.

    If it is too wide for the terminal, the last column becomes narrower: wrapped, or with `brief`
    cut to one line. If that is not enough, the columns `drop` are left out one by one, beginning
    with the first, and then the widest are cut.
    """
    width = get_terminal_width(sys.stdout)
    lines, missing = lay_out_table(headings, rows, drop=drop, brief=brief, width=width)
    for line in lines:
        print_line(line)
    if missing:
        print_text(f"(a wider terminal also shows {', '.join(missing)})", err=True)


def lay_out_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    drop: Sequence[str] = (),
    brief: bool = False,
    width: int | None = None,
) -> tuple[list[str], list[str]]:
    """Return the lines of a table, and the headings that did not fit into `width`."""
    from rich.cells import cell_len  # noqa: PLC0415 - slow import, not needed for `--help`

    safe = (
        [*(neutralize(each, one_line=True) for each in row[:-1]), neutralize(row[-1])]
        for row in rows
    )
    columns = {heading: (heading, *cells) for heading, *cells in zip(headings, *safe, strict=True)}
    widths = {name: max(map(cell_len, cells)) for name, cells in columns.items()}
    missing: list[str] = []
    for name in drop:
        needed, room = _measure_last_column(widths, width)
        if room >= needed:
            break
        if columns.pop(name, None) is not None:
            widths.pop(name)
            missing.append(name)
    missing += _narrow_columns(widths, width)
    room = max(_measure_last_column(widths, width))
    lines: list[str] = []
    for cells in zip(*columns.values(), strict=True):
        *firsts, text = cells
        lead = "".join(
            cell + " " * (size - cell_len(cell)) + _GAP
            for cell, size in (
                (shorten(cell, size) if cell_len(cell) > size else cell, size)
                for cell, size in zip(firsts, widths.values(), strict=False)
            )
        )
        short = shorten(text, room) if brief else wrap_line(text, room)
        for line in short.splitlines() or [""]:
            lines.append((lead + line).rstrip())
            lead = " " * cell_len(lead)
    return lines, missing


def _narrow_columns(widths: dict[str, int], width: int | None) -> list[str]:
    """Narrow the widest columns but the last until that has room; return their headings."""
    *firsts, _ = widths
    narrowed: list[str] = []
    while firsts:
        needed, room = _measure_last_column(widths, width)
        widest = max(firsts, key=widths.__getitem__)
        if room >= needed or widths[widest] <= _LEAST_COLUMN:
            break
        widths[widest] = max(_LEAST_COLUMN, widths[widest] - (needed - room))
        narrowed.append(widest)
    return [f"all of {name}" for name in dict.fromkeys(narrowed)]


def _measure_last_column(widths: dict[str, int], width: int | None) -> tuple[int, int]:
    """Return the width that the last column needs, and the width that is left for it."""
    *firsts, last = widths.values()
    if width is None:
        return last, last
    return min(last, _NARROWEST), width - sum(firsts) - len(_GAP) * len(firsts)


def neutralize(text: str, *, one_line: bool = False) -> str:
    r"""Return `text` with characters escaped that could control a terminal. Idempotent.

    Newlines and tabs are kept (`\r\n` becomes a newline), unless `one_line`.
    """
    if text.isascii() and text.isprintable():  # nearly every text
        return text
    text = _UNSAFE.sub(_escape, text.replace("\r\n", "\n"))
    return text.replace("\n", "\\n").replace("\t", "\\t") if one_line else text


def escape_json(document: str) -> str:
    """Return the same JSON document with such characters escaped."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return "\\r" if code == ord("\r") else f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def command_path() -> str:
    """Return the name or path with which this program is called, quoted for a shell.

    The launcher sets it in COGO_COMMAND; the name is enough if PATH finds it.
    """
    # Not a setting: `.env` must not change it, and reading `.env` would slow down `--help`.
    called = os.environ.get("COGO_COMMAND")  # noqa: TID251
    if not called:
        return "cogo"
    found = shutil.which(Path(called).name)
    if found and Path(found).absolute() == Path(called).absolute():
        called = Path(called).name
    return shlex.quote(called)


def expand_commands(text: str) -> str:
    """Return the text with `cogo ...` in backquotes as this user must type it."""
    return re.sub(r"`cogo(?=[ `])", lambda _: f"`{command_path()}", text)


def expand_example(line: str) -> str:
    """Return an example command line as this user must type it."""
    return re.sub(r"(?<![\w./-])cogo(?= )", lambda _: command_path(), line, count=1)
