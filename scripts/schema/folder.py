"""The checksums of frozen migrations and of the schema that all migrations lead to."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cogo.errors import MigrationFailed
from cogo.migrations import load_migrations
from cogo.migrations.files import SCHEMA_CHECKSUM, compute_schema_checksum, read_schemas
from scripts.schema.migration import (
    TODO,
    SchemaInvalid,
    draft_migration,
    recording,
)

_HEAD: Final = (
    "# Frozen migrations, and the schema that all migrations lead to: scripts/migrations.\n"
)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_FILE: Final = re.compile(r"(\d{14})_[a-z][a-z0-9_]*\.sql")


class MigrationFolder:
    """The folder `supabase/migrations`, with `migrations.sha256` beside it."""

    def __init__(self, supabase: Path) -> None:
        self._file = supabase / "migrations.sha256"
        self._migrations = supabase / "migrations"
        self._schemas = supabase / "schemas"

    def problems(self) -> list[str]:
        """Return what is wrong, as sentences that say what to do. Needs no database."""
        recorded = self._read()
        found = [
            f"supabase/migrations/{name} is frozen: databases have applied it. Restore it with "
            "git, and write the change as a new migration (scripts/migrations new NAME)."
            for name, checksum in recorded.items()
            if name != SCHEMA_CHECKSUM and checksum != self._checksum(self._migrations / name)
        ]
        frozen = max((name for name in recorded if name != SCHEMA_CHECKSUM), default="")
        for path in sorted(self._migrations.glob("*.sql")):
            found += self._problems_of(path, is_frozen=path.name in recorded, frozen=frozen)
        if recorded.get(SCHEMA_CHECKSUM) != self._schema_checksum():
            found.append(
                "supabase/schemas has changed and the migrations do not lead to it: "
                "run scripts/migrations new NAME."
            )
        return found

    def append(self, name: str) -> list[str]:
        """Write the migration that the schema needs; return what a person has to do."""
        if _NAME.fullmatch(name) is None:
            return [f"{name} is no name for a migration: use lower case, digits and underscores."]
        try:
            draft = draft_migration(read_schemas(self._schemas), load_migrations(self._migrations))
        except (MigrationFailed, SchemaInvalid) as error:
            return [str(error)]
        if draft.statements or draft.todos:
            version = f"{datetime.now(UTC):%Y%m%d%H%M%S}"
            path = self._migrations / f"{version}_{name}.sql"
            path.write_text(draft.text(version, name), "utf-8")
            print(f"wrote supabase/migrations/{path.name}")
            if draft.todos:
                return [
                    f"{path.name} is not complete: replace each TODO by statements, "
                    "then run scripts/migrations new NAME again to check the result."
                ]
        else:
            print("the migrations lead to supabase/schemas")
        unfinished = [
            problem
            for path in sorted(self._migrations.glob("*.sql"))
            for problem in self._problems_of(path, is_frozen=True, frozen="")
        ]
        if not unfinished:
            self._write(self._read() | {SCHEMA_CHECKSUM: self._schema_checksum()})
        return unfinished

    def freeze(self) -> list[str]:
        """Record the checksum of each migration; refuse if something is wrong."""
        if problems := self.problems():
            return problems
        self._write(
            {path.name: self._checksum(path) for path in self._migrations.glob("*.sql")}
            | {SCHEMA_CHECKSUM: self._schema_checksum()}
        )
        return []

    def _problems_of(self, path: Path, *, is_frozen: bool, frozen: str) -> Iterable[str]:
        where = f"supabase/migrations/{path.name}"
        match = _FILE.fullmatch(path.name)
        if match is None:
            yield f"{where} is no name of a migration: YYYYMMDDHHMMSS_what_it_does.sql."
        elif recording(match[1]) not in path.read_text("utf-8"):
            yield f"{where} does not record itself: insert {match[1]} into cogo.schema_versions."
        if not is_frozen and path.name < frozen:
            yield f"{where} is older than a frozen migration: give it the time of now."
        if TODO in path.read_text("utf-8"):
            yield f"{where} has a TODO: replace it by statements, or by nothing if none is needed."

    def _read(self) -> dict[str, str]:
        if not self._file.exists():
            return {}
        lines = self._file.read_text("utf-8").splitlines()
        pairs = [line.split() for line in lines if not line.startswith("#")]
        return {name: checksum for checksum, name in pairs}

    def _write(self, recorded: dict[str, str]) -> None:
        lines = [f"{checksum}  {name}\n" for name, checksum in sorted(recorded.items())]
        self._file.write_text(_HEAD + "".join(lines), "utf-8")

    def _schema_checksum(self) -> str:
        return compute_schema_checksum(read_schemas(self._schemas))

    @staticmethod
    def _checksum(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "missing"
