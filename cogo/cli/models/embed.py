"""`cogo embed`: compute embeddings, store them, or search with them."""

import secrets
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cogo.cli.options import AsJson, Dir, SimulatorUrl, parse_owner
from cogo.cli.progress import Bar, open_bar
from cogo.cli.session import run_with_store
from cogo.cli.task_options import read_text_file
from cogo.config.catalogue import load_catalogue
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.terminal import count_noun, print_json, print_line, shorten
from cogo.watch.format import format_cost, mark_simulated
from cogo.wiring.models.spending_gate import require_spending
from cogo.wiring.router import open_router
from protocol.errors import CogoError, InvalidArgument
from protocol.records.memory import NearEmbedding, NewEmbedding
from protocol.transport.supabase_store import SupabaseStore
from providers.calls.middleware import CallContext
from providers.catalogue.data_policy import parse_rules
from providers.embeddings.embedder import Embedder
from providers.embeddings.records import Embedded
from providers.errors import ProviderError

_PART: Final = 200
"""Texts that are embedded and stored before the next ones are."""
_SHOWN: Final = 60
"""Characters of a text on one line."""
_Item = tuple[str | None, str]
"""Where a text came from, and the text."""
_Result = tuple[Embedded, dict[int, str], list[list[NearEmbedding]]]
"""The embeddings, the ids of stored ones by position, and the texts similar to each."""


def embed(
    *,
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="Texts; `-` reads one from standard input."),
    ] = None,
    model: Annotated[
        str,
        typer.Option("--model", help="Embedding model, e.g. text-embedding-3-small or ollama/TAG."),
    ],
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", help="File to embed as one text; repeatable.", exists=True),
    ] = None,
    dimensions: Annotated[
        int | None,
        typer.Option(
            "--dimensions", min=1, help="Length of the vectors, if the model supports it."
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Store texts and vectors in cogo_embeddings.")
    ] = False,
    near: Annotated[
        int | None,
        typer.Option(
            "--near", min=1, max=1000, help="Number of most similar stored texts to show for each."
        ),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option("--owner", help="Act for this user (UUID): their grants, caps and rows."),
    ] = None,
    data_policy: Annotated[
        list[str] | None,
        typer.Option(
            "--data-policy",
            help="Where the texts may go: no-training, eu, region:<x>, hipaa, local-only;"
            " repeatable. A provider must declare that it complies.",
        ),
    ] = None,
    simulator_url: SimulatorUrl = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Compute, store and search embeddings.

    Spending caps, rate limits and grants apply as to all calls, and `cogo audit` lists them. Texts
    are never truncated: one that is too long for the model is an error.

    Examples:
        cogo embed "a red apple" --model text-embedding-3-small --json
        cogo embed --file notes.md --file plan.md --model text-embedding-3-small --keep
        cogo embed --file letter.txt --model ollama/nomic-embed-text --data-policy local-only
        cogo embed "what did we plan?" --model text-embedding-3-small --near 3
        echo "some text" | cogo embed - --model ollama/nomic-embed-text
    """
    project = Project.find(directory)
    request = _Request(
        project=project,
        items=_read_texts(texts or [], file or []),
        model=model,
        dimensions=dimensions,
        keep=keep,
        near=near,
        context=_build_context(owner, data_policy or []),
        simulator_url=simulator_url,
    )
    items = request.items
    with open_bar("embed", len(items), is_hidden=as_json, explain=partial(_explain, keep)) as bar:
        try:
            result = run_with_store(project, lambda store: _run(request, store, bar))
        except CogoError:
            if keep and bar.done:
                print_line(f"{count_noun(bar.done, 'text')} before that are stored", err=True)
            raise
    if as_json:
        print_json(_to_json(items, result))
    else:
        _print(items, result)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What the command line asks for."""

    project: Project
    items: Sequence[_Item]
    model: str
    dimensions: int | None
    keep: bool
    near: int | None
    context: CallContext
    simulator_url: str | None


async def _run(request: _Request, store: SupabaseStore, bar: Bar) -> _Result:
    """Embed the texts in parts; each is stored before the next is paid for."""
    await require_spending(store)
    owner, parts = request.context.owner, list[Embedded]()
    ids: dict[int, str] = {}
    async with _open_embedder(request.project, request.model, request.simulator_url) as embedder:
        for first in range(0, len(request.items), _PART):
            items = request.items[first : first + _PART]
            part = await embedder.embed(
                request.model,
                [text for _, text in items],
                purpose="document" if request.near is None else "query",
                dimensions=request.dimensions,
                context=request.context,
            )
            if request.keep:
                rows = _build_rows(items, part)
                kept = await store.keep_embeddings(owner=owner, items=rows)
                ids |= {first + each.place: str(each.id) for each in kept}
            parts.append(part)
            bar.advance(len(items))
    embedded = _join(parts)
    similar = [
        await store.nearest_embeddings(
            owner=owner,
            model_id=each.model,
            vector=each.vector,
            limit=request.near,
            simulated=embedded.simulated,
        )
        for each in embedded.embeddings
        if request.near is not None
    ]
    return embedded, ids, similar


def _explain(keep: bool, bar: Bar) -> str:
    done = f"interrupted after {bar.done:,} of {count_noun(bar.total or 0, 'text')}"
    if keep:
        return f"{done}, which are stored; name only the others to go on"
    return f"{done}, and none is stored; with --keep they would be"


def _join(parts: Sequence[Embedded]) -> Embedded:
    """Return what was embedded in parts as one."""
    tokens, costs = [each.tokens for each in parts], [each.cost_usd for each in parts]
    known_tokens = [each for each in tokens if each is not None]
    known_costs = [each for each in costs if each is not None]
    return replace(
        parts[0],
        embeddings=tuple(each for part in parts for each in part.embeddings),
        tokens=sum(known_tokens) if len(known_tokens) == len(parts) else None,
        cost_usd=sum(known_costs, Decimal()) if len(known_costs) == len(parts) else None,
        simulated=any(each.simulated for each in parts),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _build_context(owner: str | None, data_policy: list[str]) -> CallContext:
    try:
        rules = parse_rules(data_policy)
    except ValueError as error:
        raise InvalidArgument(f"--data-policy: {error}") from error
    return CallContext(
        owner=None if owner is None else parse_owner(owner),
        data_policy=rules,
    )


def _read_texts(given: Sequence[str], files: Sequence[Path]) -> list[_Item]:
    texts: list[_Item] = [(None, sys.stdin.read() if each == "-" else each) for each in given]
    texts += [(path.name, read_text_file(path)) for path in files]
    if not texts:
        raise InvalidArgument("there is nothing to embed", hint='name a text, "-" or --file')
    return texts


@asynccontextmanager
async def _open_embedder(
    project: Project, model: str, simulator_url: str | None
) -> AsyncIterator[Embedder]:
    """Open an embedder for `model`. Provider errors in the block become CommandError."""
    catalogue = load_catalogue(project)
    async with open_router(
        project,
        catalogue,
        find_connection(project),
        agent_id=f"embed@{socket.gethostname()}-{secrets.token_hex(3)}",
        simulator_url=simulator_url,
    ) as router:
        try:
            if catalogue.providers[catalogue.find_embedding_model(model).provider].local:
                await router.discover()
            yield await router.open_embedder()
        except ProviderError as error:
            raise CommandError(str(error)) from error


def _build_rows(items: Sequence[_Item], embedded: Embedded) -> list[NewEmbedding]:
    return [
        NewEmbedding(
            model_id=each.model,
            content=text,
            vector=list(each.vector),
            source=source,
            simulated=embedded.simulated,
        )
        for (source, text), each in zip(items, embedded.embeddings, strict=True)
    ]


def _to_json(items: Sequence[_Item], result: _Result) -> dict[str, Any]:
    embedded, ids, near = result
    rows = [
        {
            "source": source,
            "dimensions": each.dimensions,
            "vector": each.vector,
            "id": ids.get(place),
            "near": near[place] if near else None,
        }
        for place, ((source, _), each) in enumerate(zip(items, embedded.embeddings, strict=True))
    ]
    return {
        "model": embedded.embeddings[0].model,
        "provider": embedded.provider,
        "tokens": embedded.tokens,
        "cost_usd": embedded.cost_usd,
        "simulated": embedded.simulated,
        "notes": list(embedded.notes),
        "embeddings": rows,
    }


def _print(items: Sequence[_Item], result: _Result) -> None:
    embedded, ids, near = result
    first = embedded.embeddings[0]
    tokens = "?" if embedded.tokens is None else embedded.tokens
    model = mark_simulated(first.model, simulated=embedded.simulated)
    print_line(
        f"{model}  {first.dimensions} dimensions  {len(embedded.embeddings)} texts  "
        f"{tokens} tokens  {format_cost(embedded.cost_usd)}",
        err=True,
    )
    for note in embedded.notes:
        print_line(note, err=True)
    for place, (source, text) in enumerate(items):
        shown = source or shorten(text, _SHOWN)
        print_line(f"{ids[place]}  {shown}" if ids else shown)
        for row in near[place] if near else ():
            likeness = "?" if row.likeness is None else f"{row.likeness:.3f}"
            print_line(f"  {likeness}  {row.source or shorten(row.content, _SHOWN)}")
