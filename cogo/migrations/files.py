"""Migration files, `<version>_<name>.sql`, and the statements they consist of."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cogo.config.settings import CHECKOUT
from cogo.errors import MigrationFailed

_NAME: Final = re.compile(r"([0-9]+)_(.*)\.sql")
_FOLDERS: Final = (CHECKOUT / "supabase" / "migrations", CHECKOUT / "embedded" / "_migrations")
_SCHEMAS: Final = (CHECKOUT / "supabase" / "schemas", CHECKOUT / "embedded" / "_schemas")
"""The wheel contains the first of each as the second."""
SCHEMA_CHECKSUM: Final = "schemas"
"""The name of the schema's checksum in the file `migrations.sha256` beside the migrations."""
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
    where = folder or _find_folder(_FOLDERS)
    found = [
        Migration(match[1], match[2], path.read_text(encoding="utf-8"))
        for path in sorted(where.glob("*.sql"))
        if (match := _NAME.fullmatch(path.name)) is not None
    ]
    if not found:
        raise MigrationFailed(f"no migrations in {where}: install COGO again")
    return found


def load_schema(migrations: Path | None = None, schemas: Path | None = None) -> str | None:
    """Return the SQL of the schema that all migrations lead to.

    None in a checkout whose schema is being changed, until there is a migration for that.
    """
    migrations = migrations or _find_folder(_FOLDERS)
    files = read_schemas(schemas or _find_folder(_SCHEMAS))
    recorded = migrations.with_name(f"{migrations.name}.sha256").read_text("utf-8")
    if f"{compute_schema_checksum(files)}  {SCHEMA_CHECKSUM}\n" not in recorded:
        return None
    return "\n".join(files.values())


def _find_folder(known: Sequence[Path]) -> Path:
    return next((each for each in known if each.is_dir()), known[0])


def read_schemas(folder: Path) -> dict[str, str]:
    """Return the text of each file of the schema, in the order in which they are applied."""
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in sorted(folder.glob("*/*.sql"))
    }


def compute_schema_checksum(files: Mapping[str, str]) -> str:
    """Return a checksum of all files of a schema."""
    digest = hashlib.sha256()
    for name, text in files.items():
        digest.update(f"{name} {hashlib.sha256(text.encode()).hexdigest()}\n".encode())
    return digest.hexdigest()


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
