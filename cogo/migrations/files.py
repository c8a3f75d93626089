"""Migration files, `<version>_<name>.sql`, and the statements they consist of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cogo.config.settings import CHECKOUT
from cogo.errors import MigrationFailed

_NAME: Final = re.compile(r"([0-9]+)_(.*)\.sql")
_FOLDERS: Final = (CHECKOUT / "supabase" / "migrations", CHECKOUT / "embedded" / "_migrations")
"""The wheel contains the first one as the second one."""
_OPENING: Final = re.compile(r"--|/\*|'|\"|\$(?:[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?\$|;")
_BLOCK_EDGE: Final = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration; the history records its `version`."""

    version: str
    name: str
    sql: str


def load_migrations(folder: Path | None = None) -> list[Migration]:
    """Read the migrations in the order in which they are applied.

    Raises MigrationFailed if there are none, which means a broken installation.
    """
    where = folder or next((known for known in _FOLDERS if known.is_dir()), _FOLDERS[0])
    found = [
        Migration(match[1], match[2], path.read_text(encoding="utf-8"))
        for path in sorted(where.glob("*.sql"))
        if (match := _NAME.fullmatch(path.name)) is not None
    ]
    if not found:
        raise MigrationFailed(f"no migrations in {where}: install COGO again")
    return found


def split_statements(script: str) -> list[str]:
    """Split a script at the semicolons outside of quotes, dollar quotes and comments.

    A comment belongs to the statement after it; the semicolons are removed. The Supabase CLI
    records statements like this in `supabase_migrations.schema_migrations`; scripts run as a whole.
    """
    trimmed = (statement.rstrip(";").strip() for statement in _pieces(script))
    return [statement for statement in trimmed if statement]


def _pieces(script: str) -> Iterator[str]:
    start = position = 0
    while (opening := _OPENING.search(script, position)) is not None:
        mark = opening[0]
        position = opening.end()
        if mark == ";":
            yield script[start:position]
            start = position
        elif mark == "/*":
            position = _end_of_block(script, position)
        else:
            closing = "\n" if mark == "--" else mark
            position = _after(script, closing, position)
    yield script[start:]


def _after(script: str, text: str, position: int) -> int:
    found = script.find(text, position)
    return len(script) if found < 0 else found + len(text)


def _end_of_block(script: str, position: int) -> int:
    depth = 1
    while depth and (edge := _BLOCK_EDGE.search(script, position)) is not None:
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return len(script) if depth else position
