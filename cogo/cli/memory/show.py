"""`cogo memory list`, `show`, `status` and `export`: what is remembered."""

import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, TextIO
from uuid import UUID

import typer

from agents.memory.models import MemoryModel
from cogo.cli.ids import choose_only
from cogo.cli.listing import print_more, read_pages
from cogo.cli.memory.add import describe_index, describe_vectors
from cogo.cli.options import EVERYONE, All, AsJson, Dir, Limit, MemorySource, Owners, parse_owners
from cogo.cli.progress import Bar, open_bar
from cogo.cli.session import run_with_store
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.terminal import print_json, print_line, print_table, print_text, shorten
from cogo.watch.format import shorten_id
from cogo.wiring.memory.services import LocalMemoryServices
from protocol.errors import InvalidArgument
from protocol.ids import parse_id_range
from protocol.records.memory import DocumentRow, MemoryRow, MemoryStatus
from protocol.store.gateway import GatewayStore
from protocol.store.memory import MemoryStore

_SHOWN: Final = 60
"""Characters of a text on one line."""
_PAGE: Final = 500


def list_memory(
    *,
    source: MemorySource = None,
    owner: Owners = EVERYONE,
    limit: Limit = 50,
    every: All = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List documents and facts, the newest first.

    Examples:
        cogo memory list
        cogo memory list --owner 3f2a9c1e-0d4b-4c55-9a51-7b1f0c2d3e4f --json
    """
    whose, everybody = parse_owners(owner)

    async def read(store: MemoryStore) -> tuple[list[DocumentRow], list[MemoryRow], bool]:
        documents, more = await read_pages(
            lambda count, last: store.fetch_documents(
                limit=count, owner=whose, every_owner=everybody, source=source, last=last
            ),
            limit=limit,
            every=every,
            as_json=as_json,
        )
        facts, others = await read_pages(
            lambda count, last: store.fetch_memories(
                limit=count, owner=whose, every_owner=everybody, kind="fact", source=source,
                last=last,
            ),
            limit=limit,
            every=every,
            as_json=as_json,
        )  # fmt: skip
        return documents, facts, more or others

    documents, facts, has_more = run_with_store(directory, read)
    if as_json:
        print_json({"documents": documents, "facts": facts})
        return
    if not documents and not facts:
        print_text("nothing is remembered; see `cogo memory add --help`")
    if documents:
        print_table(
            ("ID", "ADDED", "CHUNKS", "OWNER", "DOCUMENT"),
            [_list_document_cells(each) for each in documents],
            drop=("OWNER", "ADDED"),
        )
    if facts:
        print_line()
        print_table(
            ("ID", "SINCE", "SOURCE", "OWNER", "FACT"),
            [_list_fact_cells(each) for each in facts],
            drop=("OWNER", "SINCE", "SOURCE"),
        )
    print_more(max(len(documents), len(facts)), has_more=has_more)


def show_memory(
    *,
    which: Annotated[
        str,
        typer.Argument(metavar="ID", help="Id of a fact or a chunk, or the name of a document."),
    ],
    owner: Owners = EVERYONE,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show a fact, a chunk, or a document with all of its chunks.

    Examples:
        cogo memory show handbook.md
        cogo memory show 3f2a9c1e
    """
    whose, everybody = parse_owners(owner)

    async def read(store: MemoryStore) -> tuple[DocumentRow | None, list[MemoryRow]]:
        found = await store.fetch_documents(
            limit=2, owner=whose, every_owner=everybody, source=which
        )
        if len(found) > 1:
            raise CommandError(f"several owners have {which}; name one with --owner")
        if found:
            return found[0], await _read_chunks(store, found[0])
        rows = await find_memories(store, which)
        mine = [each for each in rows if everybody or each.owner == whose]
        lines = {each.id: f"{each.id}  {shorten(each.content, 40)}" for each in mine}
        hint = "`cogo memory list` lists documents and facts"
        only = choose_only(which, lines, noun="memory", hint=hint)
        return None, [each for each in mine if each.id == only]

    document, rows = run_with_store(directory, read)
    if as_json:
        print_json({"document": document, "memories": rows})
        return
    if document is not None:
        parts = (document.source, document.title, _describe_chunks(document.chunks))
        print_line("  ".join(each for each in parts if each))
    for each in rows:
        print_line()
        print_line(_describe(each))
        for line in each.content.splitlines():
            print_line(f"  {line}")


def show_status(
    *, owner: Owners = EVERYONE, directory: Dir = None, as_json: AsJson = False
) -> None:
    """Show how much is remembered, by which model it is found, and what waits.

    Examples:
        cogo memory status --json
    """
    project = Project.find(directory)
    whose, everybody = parse_owners(owner)

    async def read(store: GatewayStore) -> tuple[MemoryStatus, MemoryModel]:
        status = await store.fetch_memory_status(owner=whose, every_owner=everybody)
        return status, await LocalMemoryServices(project, store).find_model()

    status, found = run_with_store(project, read)
    model, problem = found.id, found.problem
    if as_json:
        print_json(status.model_dump(mode="json") | {"model": model, "problem": problem})
        return
    print_line(
        f"documents: {status.documents:,} in {status.chunks:,} chunks; facts: {status.facts:,}"
    )
    print_line(describe_vectors(status))
    if index := describe_index(status):
        print_line(index)
    print_line(f"model: {model}" if model else f"no model: {problem}")
    others = [each for each in status.models if each != model]
    if model and others:
        print_line(f"vectors of {', '.join(others)} are made anew")


def export_memory(
    *,
    owner: Owners = "none",
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; default: standard output.")
    ] = None,
    directory: Dir = None,
) -> None:
    """Write all documents and facts of an owner as lines of JSON, without vectors.

    Examples:
        cogo memory export --out memory.jsonl
        cogo memory export --owner 3f2a9c1e-0d4b-4c55-9a51-7b1f0c2d3e4f > ada.jsonl
    """
    whose, everybody = parse_owners(owner)

    async def write(store: MemoryStore, bar: Bar) -> None:
        status = await store.fetch_memory_status(owner=whose, every_owner=everybody)
        bar.show(0, status.documents + status.chunks + status.facts)
        with _open(out) as file:
            async for kind, row in _read_all(store, whose, everybody=everybody):
                line = {"type": kind} | row.model_dump(mode="json", exclude_none=True)
                file.write(json.dumps(line, ensure_ascii=True) + "\n")
                bar.advance()

    on_screen = out is None and sys.stdout.isatty()
    with open_bar("export", is_hidden=on_screen, explain=_explain_export) as bar:
        run_with_store(directory, lambda store: write(store, bar))
    print_line(f"{bar.done:,} lines", err=True)


def _explain_export(bar: Bar) -> str:
    return f"interrupted after {bar.done:,} of {bar.total or 0:,} lines: the export is not complete"


async def find_memories(store: MemoryStore, text: str) -> list[MemoryRow]:
    """Return the facts and chunks whose ids begin so; none for what is no id."""
    try:
        first, last = parse_id_range(text)
    except InvalidArgument:
        return []
    return await store.fetch_memories_between(first=first, last=last, limit=11)


async def _read_all(
    store: MemoryStore, owner: UUID | None, *, everybody: bool
) -> AsyncIterator[tuple[str, DocumentRow | MemoryRow]]:
    document: DocumentRow | None = None
    while documents := await store.fetch_documents(
        limit=_PAGE, owner=owner, every_owner=everybody, last=document
    ):
        for document in documents:
            yield "document", document
    memory: MemoryRow | None = None
    while memories := await store.fetch_memories(
        limit=_PAGE, owner=owner, every_owner=everybody, last=memory
    ):
        for memory in memories:
            yield memory.kind, memory


async def _read_chunks(store: MemoryStore, document: DocumentRow) -> list[MemoryRow]:
    found: list[MemoryRow] = []
    while page := await store.fetch_chunks(document_id=document.id, first=len(found), limit=_PAGE):
        found += page
    return found


@contextmanager
def _open(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    try:
        with out.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise CommandError(f"{out} cannot be written: {error}") from error


def _describe_chunks(number: int) -> str:
    return f"{number:,} chunk{'' if number == 1 else 's'}"


def _describe(row: MemoryRow) -> str:
    parts: list[Any] = [shorten_id(row.id), row.source or "a fact", row.heading]
    if row.char_start is not None:
        parts.append(f"characters {row.char_start:,} to {row.char_end or 0:,}")
    if row.error:
        parts.append(f"no vector: {row.error}")
    return "  ".join(str(each) for each in parts if each)


def _list_document_cells(row: DocumentRow) -> tuple[str, ...]:
    return (
        shorten_id(row.id),
        f"{row.created_at:%Y-%m-%d %H:%M}",
        f"{row.chunks:,}",
        shorten_id(row.owner) if row.owner else "-",
        row.source,
    )


def _list_fact_cells(row: MemoryRow) -> tuple[str, ...]:
    return (
        shorten_id(row.id),
        f"{row.created_at:%Y-%m-%d %H:%M}",
        shorten(row.source or "-", 24),
        shorten_id(row.owner) if row.owner else "-",
        shorten(row.content, _SHOWN),
    )
