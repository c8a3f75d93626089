"""`cogo embeddings`: the texts that `cogo embed --keep` kept, to list and to forget."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal
from uuid import UUID

import typer

from cogo.cli.admin.grants import parse_owner
from cogo.cli.ids import choose
from cogo.cli.options import AsJson, Dir
from cogo.cli.pages import Every, Limit, print_more, read_pages
from cogo.cli.since import parse_since
from cogo.config.catalogue import load_catalogue
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.terminal import first_words, print_json, print_line, print_table, print_text
from cogo.watch.format import marked, short
from protocol.errors import InvalidArgument
from protocol.ids import parse_id_range
from protocol.records.embeddings import EmbeddingRow, Forgetting
from protocol.store.embeddings import EmbeddingStore
from protocol.transport.supabase_store import open_store
from providers.catalogue.catalogue import Catalogue
from providers.errors import UnknownModel

EXAMPLES: Final = {
    "list": ("cogo embeddings", "cogo embeddings list --model text-embedding-3-small --json"),
    "forget": (
        "cogo embeddings forget --file notes.md",
        "cogo embeddings forget --older-than 30d --owner all --dry-run",
        'cogo embeddings forget --text "a red apple" --model text-embedding-3-small',
    ),
}
EVERYBODY: Final = "all"
SHOWN: Final = 50
"""Characters of a text on one line."""

Model = Annotated[str | None, typer.Option("--model", help="Only of this embedding model.")]
File = Annotated[str | None, typer.Option("--file", help="Only from the file of this name.")]


def list_(
    *,
    model: Model = None,
    file: File = None,
    owner: Annotated[
        str, typer.Option("--owner", help="Whose: a user's uuid, none, or all.")
    ] = EVERYBODY,
    limit: Limit = 50,
    every: Every = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List the kept texts, the newest first."""
    project = Project.find(directory)
    whose, everybody = _whose(owner)

    async def read() -> tuple[list[EmbeddingRow], bool]:
        connection = find_connection(project)
        async with open_store(connection.url, connection.secret_key.get_secret_value()) as store:
            return await read_pages(
                lambda count, last: store.fetch_embeddings(
                    limit=count,
                    owner=whose,
                    every_owner=everybody,
                    model_id=_canonical(model, project),
                    source=_source(file),
                    last=last,
                ),
                limit=limit,
                every=every,
            )

    found, has_more = asyncio.run(read())
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
    elif not found:
        print_text("no text is kept; `cogo embed --help` says how to keep some")
    else:
        headings = ("ID", "KEPT", "MODEL", "OWNER", "TEXT")
        print_table(
            headings, [_cells(each) for each in found], drop=("OWNER", "KEPT", "MODEL"), brief=True
        )
    print_more(len(found), has_more=has_more)


def forget(
    *,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="As `list` shows them, or their beginnings."),
    ] = None,
    model: Model = None,
    text: Annotated[str | None, typer.Option("--text", help="Only this text, as it was.")] = None,
    file: File = None,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", help="Only what was kept before: 30d, 6h, 2026-11-01."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything of that owner.")] = False,
    owner: Annotated[
        str | None,
        typer.Option(
            "--owner", help="Whose: a user's uuid, none (the default, as in embed), or all."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Delete kept texts and their vectors: by id, model, text, file, age, owner."""
    project = Project.find(directory)
    ranges = {each: parse_id_range(each) for each in ids or []}
    # An id says whose it is.
    whose, everybody = _whose(owner or (EVERYBODY if ranges else "none"))
    before: datetime | Literal["infinity"] | None = parse_since(older_than, option="--older-than")
    which = Forgetting(
        owner=whose,
        every_owner=everybody,
        model_id=_canonical(model, project),
        content=text,
        source=_source(file),
        before="infinity" if everything and before is None else before,
        dry_run=dry_run,
    )
    given = (ranges or None, which.model_id, which.content, which.source, which.before)
    if all(each is None for each in given):
        raise InvalidArgument(
            "nothing says what to forget",
            hint="give an ID, --model, --text, --file, --older-than or --all",
        )

    async def send() -> int:
        connection = find_connection(project)
        async with open_store(connection.url, connection.secret_key.get_secret_value()) as store:
            named = [await _find(store, text, *ends) for text, ends in ranges.items()]
            return await store.forget_embeddings(which.model_copy(update={"ids": named or None}))

    count = asyncio.run(send())
    if as_json:
        print_json({"forgotten": count, "dry_run": dry_run})
    else:
        texts = "1 text" if count == 1 else f"{count} texts"
        print_line(f"{texts} would be forgotten" if dry_run else f"{texts} forgotten")


def _whose(owner: str) -> tuple[UUID | None, bool]:
    """The owner, and whether it is everybody."""
    return (None, True) if owner == EVERYBODY else (parse_owner(owner), False)


def _source(file: str | None) -> str | None:
    """`cogo embed` keeps the name of a file, not where it lay."""
    return None if file is None else Path(file).name


async def _find(store: EmbeddingStore, text: str, first: UUID, last: UUID) -> UUID:
    """Return the id that `text` is, or the only one that begins so."""
    if first == last:
        return first
    rows = await store.fetch_embeddings_between(first=first, last=last, limit=11)
    found = {each.id: f"{each.id}  {first_words(each.content, 40)}" for each in rows}
    return choose(text, found, noun="kept text", hint="`cogo embeddings list` lists them")


def _canonical(model: str | None, project: Project) -> str | None:
    """The id that the rows have. One that the catalogue knows no more may still have rows."""
    if model is None:
        return None
    catalogue: Catalogue = load_catalogue(project)
    try:
        return catalogue.embedding(model).id
    except UnknownModel:
        return model


def _cells(row: EmbeddingRow) -> tuple[str, ...]:
    return (
        short(row.id),
        f"{row.created_at:%Y-%m-%d %H:%M}",
        marked(row.model_id, simulated=row.simulated),
        short(row.owner) if row.owner else "none",
        first_words(row.source or row.content, SHOWN),
    )
