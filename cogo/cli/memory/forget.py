"""`cogo memory forget`: delete what is remembered, with its vectors."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import typer

from cogo.cli.ids import choose_only
from cogo.cli.memory.show import find_memories
from cogo.cli.options import (
    EVERYONE,
    NO_OWNER,
    AsJson,
    Dir,
    ForgetOwners,
    MemorySource,
    parse_owners,
    parse_since,
)
from cogo.cli.session import run_with_store
from cogo.terminal import print_json, print_line, shorten
from protocol.errors import InvalidArgument
from protocol.ids import parse_id_range
from protocol.records.memory import ForgottenMemory, MemoryForgetting, MemoryKind
from protocol.store.memory import MemoryStore


def forget_memory(
    *,
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID", help="Ids of facts, or their beginnings; of documents: whole."
        ),
    ] = None,
    source: MemorySource = None,
    kind: Annotated[
        Literal["fact", "document"] | None, typer.Option("--kind", help="Only these.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option("--older-than", help="Only if older than 30d, 6h, or a date.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything of that owner.")] = False,
    owner: ForgetOwners = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count it; delete nothing.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Delete facts and documents that meet all conditions, with their vectors.

    Examples:
        cogo memory forget --source handbook.md
        cogo memory forget --source 'notes/*' --dry-run
        cogo memory forget --kind fact --older-than 90d --owner all
    """
    ranges = {each: parse_id_range(each) for each in ids or []}
    if owner is None:  # with an id, none is needed
        owner = EVERYONE if ranges else NO_OWNER
    whose, everybody = parse_owners(owner)
    before: datetime | Literal["infinity"] | None = parse_since(older_than, option="--older-than")
    wanted: dict[str | None, MemoryKind | None] = {"fact": "fact", "document": "chunk", None: None}
    which = MemoryForgetting(
        owner=whose,
        every_owner=everybody,
        kind=wanted[kind],
        source=source,
        before="infinity" if everything and before is None else before,
        dry_run=dry_run,
    )
    if not ranges and all(each is None for each in (which.kind, which.source, which.before)):
        raise InvalidArgument(
            "nothing is selected", hint="name an id, --source, --kind, --older-than or --all"
        )

    async def send(store: MemoryStore) -> ForgottenMemory:
        named = [await _find_id(store, text, *ends) for text, ends in ranges.items()]
        return await store.forget_memory(which.model_copy(update={"ids": named or None}))

    done = run_with_store(directory, send)
    if as_json:
        print_json(done.model_dump() | {"dry_run": dry_run})
        return
    how = "would be deleted" if dry_run else "deleted"
    texts = "1 text" if done.forgotten == 1 else f"{done.forgotten:,} texts"
    whole = "1 document" if done.documents == 1 else f"{done.documents:,} documents"
    print_line(f"{texts} {how}, with {whole}" if done.documents else f"{texts} {how}")


async def _find_id(store: MemoryStore, text: str, first: UUID, last: UUID) -> UUID:
    """Return the id `text`, or the only id that begins with it."""
    if first == last:
        return first
    rows = await find_memories(store, text)
    found = {each.id: f"{each.id}  {shorten(each.content, 40)}" for each in rows}
    return choose_only(text, found, noun="memory", hint="`cogo memory list` lists them")
