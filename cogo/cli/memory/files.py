"""The files that `cogo memory add` reads."""

import glob
import itertools
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from cogo.errors import CommandError
from cogo.wiring.memory.documents import MAX_DOCUMENT_BYTES
from protocol.errors import InvalidArgument

STDIN: Final = "-"
MAX_FILES: Final = 10_000


def find_files(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the files that names and patterns mean, each once, and patterns that match nothing.

    A pattern finds no hidden files, and no links that lead out of the folder in which it begins.
    Raises CommandError if there are too many.
    """
    found: dict[str, None] = {}
    unmatched: list[str] = []
    for name in names:
        if name == STDIN or Path(name).exists() or not glob.has_magic(name):
            found[name] = None
            continue
        matched = list(_match(name))
        if not matched:
            unmatched.append(name)
        found |= dict.fromkeys(matched)
        if len(found) > MAX_FILES:
            raise CommandError(f"{name} matches more than {MAX_FILES:,} files")
    return list(found), unmatched


def _match(pattern: str) -> Iterator[str]:
    parts = Path(pattern).parts
    fixed = list(itertools.takewhile(lambda part: not glob.has_magic(part), parts))
    root = Path(*fixed).resolve() if fixed else Path.cwd()
    for name in sorted(glob.iglob(pattern, recursive=True)):  # noqa: PTH207 - it skips hidden files
        path = Path(name)
        if path.is_file() and path.resolve().is_relative_to(root):
            yield name


def read_file(name: str) -> bytes:
    """Return the content of a file, or of standard input. Raises InvalidArgument, OSError."""
    if name == STDIN:
        content = sys.stdin.buffer.read(MAX_DOCUMENT_BYTES + 1)
    else:
        path = Path(name)
        kind = path.stat()
        if stat.S_ISDIR(kind.st_mode):
            raise InvalidArgument(
                "it is a directory", hint=f"'{name.rstrip('/')}/**/*.md' names files"
            )
        if stat.S_ISREG(kind.st_mode) and kind.st_size > MAX_DOCUMENT_BYTES:
            raise _too_large(kind.st_size)
        with path.open("rb") as opened:  # a pipe or a device has no size
            content = opened.read(MAX_DOCUMENT_BYTES + 1)
    if len(content) > MAX_DOCUMENT_BYTES:
        raise _too_large(len(content))
    return content


def find_source_name(name: str) -> str:
    """Return what names the document: the path as seen from here, or the whole one."""
    path = Path(name).absolute()
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()


def _too_large(size: int) -> InvalidArgument:
    return InvalidArgument(
        f"it has {size:,} bytes or more, and a document may have {MAX_DOCUMENT_BYTES:,}",
        hint="split it",
    )
