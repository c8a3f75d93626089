"""`cogo embed`: compute embeddings, store them, or search with them."""

import asyncio
import secrets
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cogo.cli.options import AsJson, Dir, SimulatorUrl, parse_owner
from cogo.cli.task_options import read_text_file
from cogo.config.catalogue import load_catalogue
from cogo.config.connection import Connection, find_connection
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.terminal import print_json, print_line, shorten
from cogo.watch.format import cost_text, marked
from cogo.wiring.router import open_router
from cogo.wiring.stores import open_supabase_store
from protocol.errors import InvalidArgument
from protocol.records.embeddings import KeptEmbedding, NearEmbedding, NewEmbedding
from providers.calls.middleware import CallContext
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.data_policy import find_deployment_objection, parse_rules
from providers.embeddings.records import Embedded
from providers.errors import ProviderError

_SHOWN: Final = 60
"""Characters of a text on one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What to embed, and how."""

    model: str
    texts: Sequence[tuple[str | None, str]]
    """The source of each text, and the text."""
    dimensions: int | None
    context: CallContext
    keep: bool
    near: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """The embeddings, what was stored and what was found."""

    embedded: Embedded
    kept: Sequence[KeptEmbedding] = ()
    near: Sequence[Sequence[NearEmbedding]] = ()
    """For each text."""


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
        typer.Option("--owner", help="Act for this user (UUID): their grants, limits and rows."),
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

    Spending limits, rate limits and grants apply as to all calls, and `cogo audit` lists them. A
    text is never cut: one that is too long for the model is an error.

    Examples:
        cogo embed "a red apple" --model text-embedding-3-small --json
        cogo embed --file notes.md --file plan.md --model text-embedding-3-small --keep
        cogo embed --file letter.txt --model ollama/nomic-embed-text --data-policy local-only
        cogo embed "what did we plan?" --model text-embedding-3-small --near 3
        echo "some text" | cogo embed - --model ollama/nomic-embed-text
    """
    request = _Request(
        model=model,
        texts=_read_texts(texts or [], file or []),
        dimensions=dimensions,
        context=_build_context(owner, data_policy or []),
        keep=keep,
        near=near,
    )
    project = Project.find(directory)
    found = asyncio.run(
        _embed(project, load_catalogue(project), find_connection(project), request, simulator_url)
    )
    if as_json:
        print_json(_to_json(request, found))
    else:
        _print(request, found)


def _build_context(owner: str | None, data_policy: list[str]) -> CallContext:
    try:
        rules = parse_rules(data_policy)
    except ValueError as error:
        raise InvalidArgument(f"--data-policy: {error}") from error
    return CallContext(
        owner=None if owner is None else parse_owner(owner),
        find_objection=lambda place: find_deployment_objection(rules, place),
    )


def _read_texts(given: Sequence[str], files: Sequence[Path]) -> list[tuple[str | None, str]]:
    texts: list[tuple[str | None, str]] = [
        (None, sys.stdin.read() if each == "-" else each) for each in given
    ]
    texts += [(path.name, read_text_file(path)) for path in files]
    if not texts:
        raise InvalidArgument("there is nothing to embed", hint='name a text, "-" or --file')
    return texts


async def _embed(
    project: Project,
    catalogue: Catalogue,
    connection: Connection,
    request: _Request,
    simulator_url: str | None,
) -> _Result:
    name = f"embed@{socket.gethostname()}-{secrets.token_hex(3)}"
    async with (
        open_router(
            project, catalogue, connection, agent_id=name, simulator_url=simulator_url
        ) as router,
        open_supabase_store(connection) as store,
    ):
        try:
            if catalogue.providers[catalogue.find_embedding_model(request.model).provider].local:
                await router.discover()
            embedded = await (await router.open_embedder()).embed(
                request.model,
                [text for _, text in request.texts],
                purpose="document" if request.near is None else "query",
                dimensions=request.dimensions,
                context=request.context,
            )
        except ProviderError as error:
            raise CommandError(str(error)) from error
        near = [
            await store.nearest_embeddings(
                owner=request.context.owner,
                model_id=each.model,
                vector=each.vector,
                limit=request.near,
                simulated=embedded.simulated,
            )
            for each in embedded.embeddings
            if request.near is not None
        ]
        kept = []
        if request.keep:
            kept = await store.keep_embeddings(
                owner=request.context.owner, items=_build_rows(request, embedded)
            )
    return _Result(embedded=embedded, kept=kept, near=near)


def _build_rows(request: _Request, embedded: Embedded) -> list[NewEmbedding]:
    return [
        NewEmbedding(
            model_id=each.model,
            content=text,
            vector=list(each.vector),
            source=source,
            simulated=embedded.simulated,
        )
        for (source, text), each in zip(request.texts, embedded.embeddings, strict=True)
    ]


def _to_json(request: _Request, found: _Result) -> dict[str, Any]:
    embedded = found.embedded
    ids = {each.place: str(each.id) for each in found.kept}
    rows = [
        {
            "source": source,
            "dimensions": each.dimensions,
            "vector": each.vector,
            "id": ids.get(place),
            "near": found.near[place] if found.near else None,
        }
        for place, ((source, _), each) in enumerate(
            zip(request.texts, embedded.embeddings, strict=True)
        )
    ]
    return {
        "model": embedded.embeddings[0].model,
        "provider": embedded.provider,
        "tokens": embedded.tokens,
        "cost_usd": None if embedded.cost_usd is None else str(embedded.cost_usd),
        "simulated": embedded.simulated,
        "notes": list(embedded.notes),
        "embeddings": rows,
    }


def _print(request: _Request, found: _Result) -> None:
    embedded = found.embedded
    first = embedded.embeddings[0]
    tokens = "?" if embedded.tokens is None else embedded.tokens
    model = marked(first.model, simulated=embedded.simulated)
    print_line(
        f"{model}  {first.dimensions} dimensions  {len(embedded.embeddings)} texts  "
        f"{tokens} tokens  {cost_text(embedded.cost_usd)}",
        err=True,
    )
    for note in embedded.notes:
        print_line(note, err=True)
    ids = {each.place: each.id for each in found.kept}
    for place, (source, text) in enumerate(request.texts):
        shown = source or shorten(text, _SHOWN)
        print_line(f"{ids[place]}  {shown}" if ids else shown)
        for row in found.near[place] if found.near else ():
            likeness = "?" if row.likeness is None else f"{row.likeness:.3f}"
            print_line(f"  {likeness}  {row.source or shorten(row.content, _SHOWN)}")
