"""`cogo memory add` and `remember`: put documents and facts into memory."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from cogo.cli.memory.files import STDIN, find_files, find_source_name, read_file
from cogo.cli.options import AsJson, Dir, MemoryOwner, parse_owner
from cogo.cli.progress import Bar, open_bar
from cogo.cli.session import run_with_store
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_text
from cogo.watch.why_waiting import explain_stop
from cogo.wiring.memory.documents import cut_document
from cogo.wiring.memory.services import LocalMemoryServices
from gateway.tasks.memory import store_document
from protocol.errors import CogoError, InvalidArgument, StoreUnavailable, Unauthorized
from protocol.records.memory import AddedDocument, KeptFact, MemoryStatus, NewFact
from protocol.store.gateway import GatewayStore
from protocol.store.memory import MemoryStore

_POLL_SECONDS: Final = 0.5
_VECTORS: Final = "wait for vectors"

Wait = Annotated[
    bool, typer.Option("--wait", help="Wait until everything that is new has its vector.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Added:
    """What became of one file."""

    source: str
    document: AddedDocument | None = None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        found = self.document.model_dump(mode="json") if self.document else {}
        return {"source": self.source, **found, "error": self.problem}


def add(
    *,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE", help="Files, patterns such as 'docs/**/*.md', or `-` for one text."
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option("--source", help="Name of the document, for one file or for `-`."),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="Title, for one file.")] = None,
    owner: MemoryOwner = "none",
    wait: Wait = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Add documents to memory, in chunks that are found by meaning and by words.

    Markdown, code, plain text, HTML and PDF are read, at most 20 MiB each. A document replaces the
    one with the same name; one that has not changed is left as it is. Exits with 1 if a file could
    not be added, or a pattern matches none; the others are.

    Examples:
        cogo memory add handbook.md 'notes/**/*.md'
        cogo memory add page.html --source https://example.com/page --wait
        git log -50 | cogo memory add - --source git-log.txt
    """
    whose = parse_owner(owner)
    names, unmatched = find_files(files)
    if len(names) > 1 and (source or title):
        raise InvalidArgument("--source and --title name one document", hint="name one file")
    if STDIN in names and source is None:
        raise InvalidArgument("a text from standard input has no name", hint="add --source NAME")

    project = Project.find(directory)

    async def run(store: GatewayStore, bar: Bar) -> tuple[list[_Added], MemoryStatus | None]:
        added = [_Added(source=each, problem="no file matches it") for each in unmatched]
        for each in () if as_json else added:
            print_line(_describe(each), err=True)
        for number, name in enumerate(names, start=1):
            named = source or find_source_name(name)
            each = await _add_file(store, name, named, title, whose)
            added.append(each)
            bar.advance()
            if not as_json:
                print_line(f"[{number}/{len(names)}] {_describe(each)}", err=bool(each.problem))
        return added, await wait_for_vectors(project, store, whose, bar) if wait else None

    with open_bar("add", len(names), is_hidden=as_json, explain=_explain) as bar:
        added, status = run_with_store(project, lambda store: run(store, bar))
    if as_json:
        shown = status.model_dump(mode="json") if status else None
        print_json({"documents": [each.to_json() for each in added], "status": shown})
    elif status is not None:
        print_line(describe_vectors(status), err=True)
    failed = sum(each.problem is not None for each in added)
    if failed:
        print_line(f"{len(added) - failed:,} added or unchanged, {failed:,} not added", err=True)
        raise typer.Exit(1)


def remember(
    *,
    texts: Annotated[list[str], typer.Argument(metavar="TEXT", help="Facts, one in each text.")],
    source: Annotated[
        str | None, typer.Option("--source", help="Where they come from, such as a meeting.")
    ] = None,
    owner: MemoryOwner = "none",
    wait: Wait = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Remember facts.

    The same fact again is no other one.

    Examples:
        cogo memory remember "Invoices are sent on the 5th of each month." --source "Ada, 2 June"
    """
    whose = parse_owner(owner)
    facts = [NewFact(content=each.strip(), source=source) for each in texts if each.strip()]
    if not facts:
        raise InvalidArgument("there is nothing to remember", hint="name a text")

    project = Project.find(directory)

    async def run(store: GatewayStore, bar: Bar) -> tuple[list[KeptFact], MemoryStatus | None]:
        kept = await store.remember(owner=whose, facts=facts)
        return kept, await wait_for_vectors(project, store, whose, bar) if wait else None

    with open_bar("remember", is_hidden=as_json, explain=_explain_waiting) as bar:
        kept, status = run_with_store(project, lambda store: run(store, bar))
    if as_json:
        print_json(kept)
        return
    for each in kept:
        print_line(f"{each.id}  {'remembered' if each.is_new else 'known already'}")
    if status is not None:
        print_line(describe_vectors(status), err=True)


def _explain(bar: Bar) -> str:
    if bar.text == _VECTORS:
        return _explain_waiting(bar)
    return (
        f"interrupted after {bar.done:,} of {bar.total or 0:,} files; the same command goes on, "
        "and leaves as it is what has not changed"
    )


def _explain_waiting(_: Bar) -> str:
    return (
        "interrupted: what was added is remembered, and gets its vectors while a system runs; "
        "`cogo memory status` shows how many"
    )


async def wait_for_vectors(
    project: Project, store: GatewayStore, owner: UUID | None, bar: Bar
) -> MemoryStatus:
    """Return the status of an owner's memory once nothing waits for a vector that it can get."""
    services = LocalMemoryServices(project, store)
    while True:
        status = await store.fetch_memory_status(owner=owner)
        total = status.facts + status.chunks
        bar.show(total - status.waiting, total, text=_VECTORS)
        if not status.waiting or not status.can_embed:
            return status
        if stop := await store.fetch_spending_stop():
            print_text(f"not waited for vectors: {explain_stop(stop)}", err=True)
            return status
        model = await services.find_model()
        if model.id is None:
            print_line(f"not waited for vectors: {model.problem}", err=True)
            return status
        await asyncio.sleep(_POLL_SECONDS)


def describe_vectors(status: MemoryStatus) -> str:
    """Return how much of memory can be found by meaning."""
    total = status.facts + status.chunks
    if not status.can_embed:
        return (
            f"{total:,} texts are found by words alone: this database has no pgvector, and no "
            "outer index is used"
        )
    parts = [f"{status.embedded:,} of {total:,} texts are found by meaning"]
    if status.waiting:
        parts.append(f"{status.waiting:,} wait for a vector")
    if status.failed:
        parts.append(f"{status.failed:,} got none: {status.last_error}")
    return "; ".join(parts)


def describe_index(status: MemoryStatus) -> str | None:
    """Return what the outer index has not made yet; None: nothing."""
    if status.index_refused:
        return (
            f"the outer index refuses {status.index_refused:,} changes, which are tried again at "
            f"least once an hour: {status.index_error}"
        )
    waiting = status.index_waiting
    return f"{waiting:,} changes wait for the outer index" if waiting else None


async def _add_file(
    store: MemoryStore, name: str, source: str, title: str | None, owner: UUID | None
) -> _Added:
    """Add one file; what is wrong with it harms no other file."""
    try:
        content = await asyncio.to_thread(read_file, name)
        document = await cut_document(content, source if name == STDIN else name)
        kept = await store_document(store, owner, source, document, title=title)
    except (StoreUnavailable, Unauthorized):
        raise
    except OSError as error:
        return _Added(source=source, problem=error.strerror or str(error))
    except CogoError as error:
        return _Added(source=source, problem=str(error))
    return _Added(source=source, document=kept)


def _describe(added: _Added) -> str:
    if added.document is None:
        return f"{added.source}: not added: {added.problem}"
    if added.document.is_unchanged:
        return f"{added.source}: unchanged"
    how = "added" if added.document.is_new else "replaced"
    count = added.document.chunks
    return f"{added.source}: {how}, {count:,} chunk{'' if count == 1 else 's'}"
