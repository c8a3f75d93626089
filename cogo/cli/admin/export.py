"""`cogo export`: everything of an owner or a project, as JSON lines."""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any, Final, Protocol, Self
from uuid import UUID

import typer

from cogo.cli.options import Dir, parse_user
from cogo.cli.progress import Bar, open_bar
from cogo.cli.session import run_with_store
from cogo.errors import CommandError
from cogo.terminal import print_line, print_text
from protocol.errors import InvalidArgument
from protocol.ids import utc_now
from protocol.records import ExportedRow
from protocol.store.gateway import GatewayStore

_PAGE: Final = 500
_ZIP: Final = ".zip"


class _Files(Protocol):
    """Where the files of an export go."""

    def open(self, name: str) -> IO[bytes]: ...


Owner = Annotated[str | None, typer.Argument(help="UUID of the user.", show_default=False)]
ProjectName = Annotated[
    str | None, typer.Option("--project", help="The project with this name, instead of a user.")
]


@dataclass(frozen=True, slots=True)
class Subject:
    """An owner, or a project."""

    owner: UUID | None
    project: str | None

    @classmethod
    def parse(cls, owner: str | None, project: str | None) -> Self:
        """Return what a command is about. Raise InvalidArgument."""
        name = project and project.strip()
        if bool(owner) == bool(name):
            raise InvalidArgument("give either the UUID of a user or --project")
        return cls(parse_user(owner) if owner else None, name or None)

    def __str__(self) -> str:
        return f"the project {self.project}" if self.owner is None else str(self.owner)


def export_owner(
    owner: Owner = None,
    *,
    project: ProjectName = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A new directory, or a file ending in .zip.")
    ],
    directory: Dir = None,
) -> None:
    """Write all of an owner or a project into files.

    One file of JSON lines a table, and manifest.json with their rows and SHA-256. Hashes of keys
    are left out. What changes meanwhile may be in it or not.

    Examples:
        cogo export 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --output anna/
        cogo export 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --output anna.zip
        cogo export --project website --output website.zip
    """
    subject = Subject.parse(owner, project)
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise CommandError(f"{output} exists", hint="name a new directory or a new .zip file")

    def explain(bar: Bar) -> str:
        left = (
            f"nothing is written to {output}"
            if output.suffix == _ZIP
            else f"{output} is not complete, and has no manifest.json: delete it"
        )
        return f"interrupted after {bar.done:,} of {bar.total or 0:,} tables; {left}"

    with open_bar("export", explain=explain) as bar, _open_output(output) as files:
        manifest = run_with_store(directory, lambda store: _export(store, subject, files, bar))
        with files.open("manifest.json") as file:
            file.write(json.dumps(manifest, indent=2).encode() + b"\n")
    rows = sum(each["rows"] for each in manifest["files"].values())
    print_line(f"wrote {rows:,} rows of {len(manifest['files'])} tables to {output}")


async def _read_page(
    store: GatewayStore, subject: Subject, table: str, after: dict[str, Any] | None
) -> list[ExportedRow]:
    if subject.owner is not None:
        return await store.export_owner(owner=subject.owner, table=table, after=after, limit=_PAGE)
    return await store.export_project(
        project=subject.project or "", table=table, after=after, limit=_PAGE
    )


async def _export(store: GatewayStore, subject: Subject, files: _Files, bar: Bar) -> dict[str, Any]:
    found: dict[str, Any] = {}
    tables = await store.export_tables(of_project=subject.owner is None)
    for number, table in enumerate(tables):
        bar.show(number, len(tables), text=table)
        name = f"{table.rpartition('.')[2]}.jsonl"
        place: dict[str, Any] | None = None
        rows, digest = 0, hashlib.sha256()
        with files.open(name) as file:
            while page := await _read_page(store, subject, table, place):
                for row in page:
                    line = json.dumps(row.data, ensure_ascii=False).encode() + b"\n"
                    file.write(line)
                    digest.update(line)
                rows, place = rows + len(page), page[-1].place
                bar.show(number, text=f"{table}: {rows:,} rows")
        if rows:
            print_text(f"{table}: {rows:,}", err=True)
        found[name] = {"table": table, "rows": rows, "sha256": digest.hexdigest()}
    of = {"project": subject.project} if subject.owner is None else {"owner": str(subject.owner)}
    return of | {"exported_at": utc_now().isoformat(), "files": found}


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, name: str) -> IO[bytes]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        return os.fdopen(os.open(self._path / name, flags, 0o600), "wb")


class _Archive:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(name, "w", force_zip64=True)


@contextmanager
def _open_output(output: Path) -> Iterator[_Files]:
    """Provide the files; an archive appears only when it is whole."""
    if output.suffix != _ZIP:
        output.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield _Folder(output)
        return
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            yield _Archive(archive)
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)
