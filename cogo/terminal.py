r"""What commands print on a terminal, for people and for programs.

Prompts, models, vendors, file names and error messages may hold escape sequences, other control
characters and Unicode's overrides of the direction of writing. They are printed escaped
(`\x1b`, `\u202e`), so that no text can move the cursor, hide or reverse anything.
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
from typing import TYPE_CHECKING, Final, TextIO

import typer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_GAP: Final = "  "
_FILLER: Final = "\0"
_JOINT: Final = "\1"
"""A space at which no line is broken; `neutralize` leaves neither in a text."""
_NARROWEST: Final = 24
"""Characters that the last column of a table keeps before other columns are left out."""
# Controls (C0 but newline and tab, DEL, C1), overrides of direction, line and paragraph
# separators, and halves of surrogate pairs, which no terminal can be sent.
_UNSAFE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def print_line(text: str = "", *, err: bool = False) -> None:
    """Print one line; a reader that went away ends nothing but the line."""
    try:
        typer.echo(neutralize(text), err=err)
    except (OSError, ValueError):
        # The terminal was closed or the pipe broke: a drain must still run to its end.
        return


def write_text(text: str, *, err: bool = False, dim: bool = False) -> None:
    """Write a piece of a text without a line's end."""
    try:
        typer.secho(neutralize(text), err=err, nl=False, dim=dim or None)
    except (OSError, ValueError):
        return  # as in `print_line`


def print_text(text: str, *, err: bool = False, indent: int = 0) -> None:
    """Print sentences, wrapped between words where they go to a terminal.

    `cogo ...` in backquotes becomes what this person types, and stays on one line to be copied.
    Lines after the first are indented.
    """
    width = terminal_width(sys.stderr if err else sys.stdout)
    first, *rest = neutralize(typed(text)).split("\n")
    for line in (first, *(" " * indent + each for each in rest)):
        print_line(line if width is None else wrapped_around_commands(line, width, indent), err=err)


def wrapped_around_commands(line: str, width: int, indent: int = 0) -> str:
    """Return a line broken between words, but not within backquotes."""
    joined = re.sub(r"`[^`]*`", lambda command: command[0].replace(" ", _JOINT), line)
    return wrapped(joined, width, indent).replace(_JOINT, " ")


def wrapped(line: str, width: int, indent: int = 0) -> str:
    """Return a line broken between words; a word that is longer than a line stays whole."""
    lead = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        _spread(line),
        width,
        subsequent_indent=lead + " " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    ).replace(_FILLER, "")


def first_words(text: str, width: int) -> str:
    """Return the beginning of a text on one line, cut between words where it has some."""
    line = _spread(" ".join(text.split()))
    if len(line) > width:
        head, space, _ = line[: width - 2].rpartition(" ")
        line = (head if space else line[: width - 3]) + "..."
    return line.replace(_FILLER, "")


def _spread(text: str) -> str:
    """Return the text with a filler after each character that is two columns wide."""
    from rich.cells import get_character_cell_size  # noqa: PLC0415 - as in `lay_out`

    if text.isascii():
        return text
    return "".join(each + _FILLER * (get_character_cell_size(each) - 1) for each in text)


def terminal_width(stream: TextIO) -> int | None:
    """Return the columns of the terminal behind a stream, or None if there is none."""
    try:
        return (os.get_terminal_size(stream.fileno()).columns or 80) if stream.isatty() else None
    except (OSError, ValueError):
        return None


def print_json(value: "DataclassInstance | dict[str, object] | list[object]") -> None:
    """Print `value` as one line of JSON."""
    plain = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    print_line(escape_json(json.dumps(plain, default=str, ensure_ascii=False)))


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    drop: Sequence[str] = (),
    brief: bool = False,
) -> None:
    """Print columns that line up, without a frame.

    Where they do not fit into the terminal, the last column gets narrower: wrapped between words,
    or with `brief` one line of its first words. If that is not enough, the columns `drop` are left
    out, the first of them first.
    """
    width = terminal_width(sys.stdout)
    lines, missing = lay_out(headings, rows, drop=drop, brief=brief, width=width)
    for line in lines:
        print_line(line)
    if missing:
        print_text(f"(a wider terminal also shows {', '.join(missing)})", err=True)


def lay_out(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    drop: Sequence[str] = (),
    brief: bool = False,
    width: int | None = None,
) -> tuple[list[str], list[str]]:
    """Return the lines of a table, and the headings that had no room in `width`."""
    from rich.cells import cell_len  # noqa: PLC0415 - `--help` must not pay for it

    safe = (
        [*(neutralize(each, one_line=True) for each in row[:-1]), neutralize(row[-1])]
        for row in rows
    )
    columns = {heading: (heading, *cells) for heading, *cells in zip(headings, *safe, strict=True)}
    widths = {name: max(map(cell_len, cells)) for name, cells in columns.items()}
    missing: list[str] = []
    for name in drop:
        needed, room = _last_column(widths, width)
        if room >= needed:
            break
        if columns.pop(name, None) is not None:
            widths.pop(name)
            missing.append(name)
    room = max(_last_column(widths, width))
    lines: list[str] = []
    for cells in zip(*columns.values(), strict=True):
        *firsts, text = cells
        lead = "".join(
            cell + " " * (size - cell_len(cell)) + _GAP
            for cell, size in zip(firsts, widths.values(), strict=False)
        )
        short = first_words(text, room) if brief else wrapped(text, room)
        for line in short.splitlines() or [""]:
            lines.append((lead + line).rstrip())
            lead = " " * cell_len(lead)
    return lines, missing


def _last_column(widths: dict[str, int], width: int | None) -> tuple[int, int]:
    """Return the least that the last column needs, and what the others leave it."""
    *firsts, last = widths.values()
    if width is None:
        return last, last
    return min(last, _NARROWEST), width - sum(firsts) - len(_GAP) * len(firsts)


def neutralize(text: str, *, one_line: bool = False) -> str:
    r"""Return `text` as a terminal may be given it; doing it twice changes nothing more.

    Newlines and tabs stay (`\r\n` becomes a newline), unless it is to be `one_line`.
    """
    if text.isascii() and text.isprintable():  # nearly every text
        return text
    text = _UNSAFE.sub(_shown, text.replace("\r\n", "\n"))
    return text.replace("\n", "\\n").replace("\t", "\\t") if one_line else text


def escape_json(document: str) -> str:
    """Return the same JSON document without characters that a terminal must not be given."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    return "\\r" if code == ord("\r") else f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def command_path() -> str:
    """Return what to type for this program, quoted for a shell.

    The launcher says how it was called; when the search path finds it, its name is enough.
    """
    # Not a setting: `.env` has no say, and `--help` must not pay for reading it.
    called = os.environ.get("COGO_COMMAND")  # noqa: TID251
    if not called:
        return "cogo"
    found = shutil.which(Path(called).name)
    if found and Path(found).absolute() == Path(called).absolute():
        called = Path(called).name
    return shlex.quote(called)


def typed(text: str) -> str:
    """Return the text with `cogo ...` in backquotes as this person must type it."""
    return re.sub(r"`cogo(?=[ `])", lambda _: f"`{command_path()}", text)


def typed_example(line: str) -> str:
    """Return a whole command line of help as this person must type it."""
    return re.sub(r"(?<![\w./-])cogo(?= )", lambda _: command_path(), line, count=1)
