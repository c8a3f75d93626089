"""`cogo embeddings`: lists and deletes what `cogo embed --keep` stored."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal
from uuid import UUID

import typer

from cogo.cli.ids import choose_only
from cogo.cli.listing import print_more, print_rows, read_pages
from cogo.cli.options import (
    EVERYONE,
    NO_OWNER,
    All,
    AsJson,
    Dir,
    ForgetOwners,
    Limit,
    Owners,
    parse_owners,
    parse_since,
)
from cogo.cli.session import run_with_store
from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, shorten
from cogo.watch.format import mark_simulated, shorten_id
from protocol.errors import InvalidArgument
from protocol.ids import parse_id_range
from protocol.records.memory import EmbeddingRow, Forgetting
from protocol.store.embeddings import EmbeddingStore
from providers.errors import UnknownModel

_SHOWN: Final = 50
"""Characters of a text on one line."""

Model = Annotated[str | None, typer.Option("--model", help="Only this embedding model.")]
File = Annotated[str | None, typer.Option("--file", help="Only texts from a file of this name.")]


def list_embeddings(
    *,
    model: Model = None,
    file: File = None,
    owner: Owners = EVERYONE,
    limit: Limit = 50,
    every: All = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List stored embeddings, the newest first.

    Examples:
        cogo embeddings
        cogo embeddings list --model text-embedding-3-small --json
    """
    project = Project.find(directory)
    whose, everybody = parse_owners(owner)
    model_id = _find_model_id(model, project)

    async def read(store: EmbeddingStore) -> tuple[list[EmbeddingRow], bool]:
        return await read_pages(
            lambda count, last: store.fetch_embeddings(
                limit=count,
                owner=whose,
                every_owner=everybody,
                model_id=model_id,
                source=_get_file_name(file),
                last=last,
            ),
            limit=limit,
            every=every,
            as_json=as_json,
        )

    found, has_more = run_with_store(project, read)
    print_rows(
        found,
        ("ID", "KEPT", "MODEL", "OWNER", "TEXT"),
        _cells,
        as_json=as_json,
        empty="no embeddings are stored; see `cogo embed --help`",
        drop=("OWNER", "KEPT", "MODEL"),
        brief=True,
    )
    print_more(len(found), has_more=has_more)


def forget(
    *,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Ids as `list` shows them, or their beginnings."),
    ] = None,
    model: Model = None,
    text: Annotated[str | None, typer.Option("--text", help="Only this exact text.")] = None,
    file: File = None,
    older_than: Annotated[
        str | None, typer.Option("--older-than", help="Only if older than 30d, 6h, or a date.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything of that owner.")] = False,
    owner: ForgetOwners = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count them; delete nothing.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Delete stored embeddings.

    Deletes the texts and vectors that meet all conditions.

    Examples:
        cogo embeddings forget --file notes.md
        cogo embeddings forget --older-than 30d --owner all --dry-run
        cogo embeddings forget --text "a red apple" --model text-embedding-3-small
    """
    project = Project.find(directory)
    ranges = {each: parse_id_range(each) for each in ids or []}
    if owner is None:  # with an id, none is needed
        owner = EVERYONE if ranges else NO_OWNER
    whose, everybody = parse_owners(owner)
    before: datetime | Literal["infinity"] | None = parse_since(older_than, option="--older-than")
    which = Forgetting(
        owner=whose,
        every_owner=everybody,
        model_id=_find_model_id(model, project),
        content=text,
        source=_get_file_name(file),
        before="infinity" if everything and before is None else before,
        dry_run=dry_run,
    )
    given = (ranges or None, which.model_id, which.content, which.source, which.before)
    if all(each is None for each in given):
        raise InvalidArgument(
            "nothing is selected",
            hint="name an id, --model, --text, --file, --older-than or --all",
        )

    async def send(store: EmbeddingStore) -> int:
        named = [await _find_id(store, text, *ends) for text, ends in ranges.items()]
        return await store.forget_embeddings(which.model_copy(update={"ids": named or None}))

    count = run_with_store(project, send)
    if as_json:
        print_json({"forgotten": count, "dry_run": dry_run})
    else:
        texts = "1 text" if count == 1 else f"{count} texts"
        print_line(f"{texts} would be deleted" if dry_run else f"{texts} deleted")


def _get_file_name(file: str | None) -> str | None:
    """Return what `cogo embed` stored of a file: its name without the folder."""
    return None if file is None else Path(file).name


async def _find_id(store: EmbeddingStore, text: str, first: UUID, last: UUID) -> UUID:
    """Return the id `text`, or the only id that begins with it."""
    if first == last:
        return first
    rows = await store.fetch_embeddings_between(first=first, last=last, limit=11)
    found = {each.id: f"{each.id}  {shorten(each.content, 40)}" for each in rows}
    return choose_only(text, found, noun="stored text", hint="`cogo embeddings list` lists them")


def _find_model_id(model: str | None, project: Project) -> str | None:
    """Return the id that rows have; a model that left the catalogue may still have rows."""
    if model is None:
        return None
    try:
        return load_catalogue(project).find_embedding_model(model).id
    except UnknownModel:
        return model


def _cells(row: EmbeddingRow) -> tuple[str, ...]:
    return (
        shorten_id(row.id),
        f"{row.created_at:%Y-%m-%d %H:%M}",
        mark_simulated(row.model_id, simulated=row.simulated),
        shorten_id(row.owner) if row.owner else "none",
        shorten(row.source or row.content, _SHOWN),
    )
