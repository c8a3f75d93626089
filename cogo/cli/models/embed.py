"""`cogo embed`: texts as vectors, to print, to keep, or to find what is like them."""

import asyncio
import secrets
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cogo.cli.admin.grants import parse_owner
from cogo.cli.options import AsJson, Dir, SimulatorUrl
from cogo.config.catalogue import load_catalogue
from cogo.config.connection import Connection, find_connection
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.terminal import first_words, print_json, print_line
from cogo.watch.format import cost_text, marked
from cogo.wiring.router import open_router
from protocol.errors import InvalidArgument
from protocol.records.embeddings import KeptEmbedding, NearEmbedding, NewEmbedding
from protocol.transport.supabase_store import open_store
from providers.calls.middleware import Errand
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.data_policy import deployment_objection, read_rules
from providers.embeddings.records import Embedded
from providers.errors import ProviderError

EXAMPLES: Final = (
    'cogo embed "a red apple" --model text-embedding-3-small --json',
    "cogo embed --file notes.md --file plan.md --model text-embedding-3-small --keep",
    "cogo embed --file letter.txt --model ollama/nomic-embed-text --data-policy local-only",
    'cogo embed "what did we plan?" --model text-embedding-3-small --near 3',
    'echo "some text" | cogo embed - --model ollama/nomic-embed-text',
)
SHOWN: Final = 60
"""Characters of a text on one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for."""

    model: str
    texts: Sequence[tuple[str | None, str]]
    """Where each text came from, and the text."""
    dimensions: int | None
    errand: Errand
    keep: bool
    near: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of it."""

    embedded: Embedded
    kept: Sequence[KeptEmbedding] = ()
    near: Sequence[Sequence[NearEmbedding]] = ()
    """For each text."""


def embed(
    *,
    texts: Annotated[
        list[str] | None, typer.Argument(help="Texts; `-` reads one from standard input.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", help="An embedding model, or ollama/<tag> and the like.")
    ],
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", help="A file as one text; again for more.", exists=True),
    ] = None,
    dimensions: Annotated[
        int | None, typer.Option("--dimensions", min=1, help="Fewer, where the model can.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep texts and vectors in cogo_embeddings.")
    ] = False,
    near: Annotated[
        int | None,
        typer.Option(
            "--near", min=1, max=1000, help="Show so many kept texts that are most like each."
        ),
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="For this user (a uuid): grants, caps, rows.")
    ] = None,
    data_policy: Annotated[
        list[str] | None,
        typer.Option(
            "--data-policy",
            help="Where the texts may go, as for tasks: no-training, eu, region:<x>, hipaa,"
            " local-only; again for more. What a provider does not declare does not count.",
        ),
    ] = None,
    simulator_url: SimulatorUrl = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Turn texts into vectors; keep them, or find what is like them.

    They are kept with their model and dimension. The calls obey the same caps, rates, grants and
    circuits as all others and are in the audit. A text is never cut: one that is too long for the
    model is refused.
    """
    wish = Wish(
        model=model,
        texts=_texts(texts or [], file or []),
        dimensions=dimensions,
        errand=_errand(owner, data_policy or []),
        keep=keep,
        near=near,
    )
    project = Project.find(directory)
    found = asyncio.run(
        _embed(project, load_catalogue(project), find_connection(project), wish, simulator_url)
    )
    if as_json:
        print_json(_plain(wish, found))
    else:
        _print(wish, found)


def _errand(owner: str | None, data_policy: list[str]) -> Errand:
    try:
        rules = read_rules(data_policy)
    except ValueError as error:
        raise InvalidArgument(f"--data-policy: {error}") from error
    return Errand(
        owner=None if owner is None else parse_owner(owner),
        forbids=lambda place: deployment_objection(rules, place),
    )


def _texts(given: Sequence[str], files: Sequence[Path]) -> list[tuple[str | None, str]]:
    texts: list[tuple[str | None, str]] = [
        (None, sys.stdin.read() if each == "-" else each) for each in given
    ]
    for path in files:
        try:
            texts.append((path.name, path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read as text: {error}") from error
    if not texts:
        raise InvalidArgument("there is nothing to embed", hint='give a TEXT, "-" or --file')
    return texts


async def _embed(
    project: Project,
    catalogue: Catalogue,
    connection: Connection,
    wish: Wish,
    simulator_url: str | None,
) -> Found:
    name = f"embed@{socket.gethostname()}-{secrets.token_hex(3)}"
    key = connection.secret_key.get_secret_value()
    async with (
        open_router(
            project, catalogue, connection, agent_id=name, simulator_url=simulator_url
        ) as router,
        open_store(connection.url, key) as store,
    ):
        try:
            if catalogue.providers[catalogue.embedding(wish.model).provider].local:
                await router.discover()
            embedded = await (await router.embedder()).embed(
                wish.model,
                [text for _, text in wish.texts],
                purpose="document" if wish.near is None else "query",
                dimensions=wish.dimensions,
                errand=wish.errand,
            )
        except ProviderError as error:
            raise CommandError(str(error)) from error
        near = [
            await store.nearest_embeddings(
                owner=wish.errand.owner,
                model_id=each.model,
                vector=each.vector,
                limit=wish.near,
                simulated=embedded.simulated,
            )
            for each in embedded.embeddings
            if wish.near is not None
        ]
        kept = []
        if wish.keep:
            kept = await store.keep_embeddings(owner=wish.errand.owner, items=_rows(wish, embedded))
    return Found(embedded=embedded, kept=kept, near=near)


def _rows(wish: Wish, embedded: Embedded) -> list[NewEmbedding]:
    return [
        NewEmbedding(
            model_id=each.model,
            content=text,
            vector=list(each.vector),
            source=source,
            simulated=embedded.simulated,
        )
        for (source, text), each in zip(wish.texts, embedded.embeddings, strict=True)
    ]


def _plain(wish: Wish, found: Found) -> dict[str, Any]:
    embedded = found.embedded
    ids = {each.place: str(each.id) for each in found.kept}
    rows = [
        {
            "source": source,
            "dimensions": each.dimensions,
            "vector": each.vector,
            "id": ids.get(place),
            "near": [row.model_dump(mode="json") for row in found.near[place]]
            if found.near
            else None,
        }
        for place, ((source, _), each) in enumerate(
            zip(wish.texts, embedded.embeddings, strict=True)
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


def _print(wish: Wish, found: Found) -> None:
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
    for place, (source, text) in enumerate(wish.texts):
        shown = source or first_words(text, SHOWN)
        print_line(f"{ids[place]}  {shown}" if ids else shown)
        for row in found.near[place] if found.near else ():
            likeness = "?" if row.likeness is None else f"{row.likeness:.3f}"
            print_line(f"  {likeness}  {row.source or first_words(row.content, SHOWN)}")
