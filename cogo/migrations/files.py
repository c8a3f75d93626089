"""Migration files: `<version>_<name>.sql`, from the checkout or from the wheel."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cogo.config.settings import CHECKOUT
from cogo.errors import MigrationFailed

_NAME: Final = re.compile(r"([0-9]+)_(.*)\.sql")
_FOLDERS: Final = (CHECKOUT / "supabase" / "migrations", CHECKOUT / "embedded" / "_migrations")
"""The second one is where the wheel carries the first one."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file; `version` is the part of its name that the history knows it by."""

    version: str
    name: str
    sql: str


def load_migrations(folder: Path | None = None) -> list[Migration]:
    """Read the migrations in the order in which they are applied.

    Raises MigrationFailed when there are none, which means a broken installation.
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
