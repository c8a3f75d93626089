"""`embed`: texts in, vectors out, in their order, whatever the vendor."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self

from providers.catalogue import Catalogue
from providers.deployment import Credential, Credentials
from providers.embeddings.batches import batches, check
from providers.embeddings.entries import EmbeddingModel
from providers.embeddings.records import Embedded, Embedding, Purpose
from providers.embeddings.wires import WIRES, Read, Wire
from providers.entries import Provider
from providers.errors import InvalidRequest, MalformedResponse, NotServed
from providers.gemini_errors import refined
from providers.native import NativeClient

__all__ = ["Embedder"]

WITHIN: Final = timedelta(seconds=60)
"""For one request; no retries here, the caller knows its budget."""
AT_ONCE: Final = 4


class Embedder:
    """Use it in one event loop, within `async with`; any number of calls at once."""

    def __init__(self, catalogue: Catalogue, credentials: Credentials) -> None:
        self._catalogue = catalogue
        self._credentials = credentials
        self._clients: dict[str, NativeClient] = {}
        self._stack = AsyncExitStack()

    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        purpose: Purpose = "document",
        dimensions: int | None = None,
    ) -> Embedded:
        """Embed texts, as many requests as it takes; all of them or none.

        Args:
            model: an id or alias of the catalogue, or `ollama/<tag>` and the like.
            texts: in any number; none may be empty.
            purpose: what the vectors are for, where the model makes a difference.
            dimensions: of each vector, where the model can shorten them.

        Raises:
            UnknownModel: with the nearest names.
            NotServed: no key or server here; the message says what is missing.
            InvalidRequest: an empty text, or dimensions that the model does not have.
            CallFailed: anything that the vendor or the network did.
        """
        entry = self._catalogue.embedding(model)
        host = self._catalogue.providers[entry.provider]
        given = self._credentials.get(host.id)
        base_url = _base_url(host, given)
        wire = WIRES[host.embeddings]
        check(host.id, wire, texts, longest=entry.max_input_tokens)
        _check_dimensions(entry, dimensions)
        client = await self._client(host, wire, given)
        url = wire.url(base_url, entry.model)
        bodies = [
            wire.body(entry.model, batch, purpose=purpose, dimensions=dimensions)
            for batch in batches(wire, texts)
        ]
        answers = await self._answers(client, wire, host, url, bodies)
        vectors = [vector for answer in answers for vector in answer.vectors]
        _check_vectors(host, vectors, count=len(texts), dimensions=dimensions)
        counts = [answer.tokens for answer in answers]
        tokens = sum(count or 0 for count in counts) if None not in counts else None
        return Embedded(
            embeddings=tuple(
                Embedding(model=entry.id, dimensions=len(vector), vector=tuple(vector))
                for vector in vectors
            ),
            provider=host.id,
            tokens=tokens,
            cost_usd=_cost(entry, host, tokens),
            simulated=given is not None and given.simulated,
        )

    async def _answers(
        self,
        client: NativeClient,
        wire: Wire,
        host: Provider,
        url: str,
        bodies: Sequence[Mapping[str, Any]],
    ) -> list[Read]:
        room = asyncio.Semaphore(AT_ONCE)

        async def ask(body: Mapping[str, Any]) -> Read:
            async with room:
                answer = await client.post(url, body, within=WITHIN)
            try:
                return wire.read(answer)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                raise MalformedResponse(host.id, "the vectors are not as documented") from error

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ask(body), name="embed") for body in bodies]
        except* Exception as failures:
            raise failures.exceptions[0] from None  # one error, as from one call
        return [task.result() for task in tasks]

    async def _client(self, host: Provider, wire: Wire, given: Credential | None) -> NativeClient:
        if host.id not in self._clients:
            key = given.key if given else None
            secret = key.get_secret_value() if key else ""
            client = NativeClient(
                vendor=host.id, base_url="", key=key, headers=wire.headers(secret), refine=refined
            )
            self._clients[host.id] = await self._stack.enter_async_context(client)
        return self._clients[host.id]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()


def _base_url(host: Provider, given: Credential | None) -> str:
    base_url = (given.base_url if given else None) or host.base_url
    if base_url is None or not (host.key_is_optional or (given and given.key)):
        raise NotServed(host.how_to_open)
    return base_url


def _check_dimensions(entry: EmbeddingModel, asked: int | None) -> None:
    if asked is None or asked == entry.dimensions:
        return
    if not entry.shortens or (entry.dimensions is not None and asked > entry.dimensions):
        have = f"{entry.dimensions} dimensions" if entry.dimensions else "its own dimension"
        raise InvalidRequest(entry.provider, f"{entry.name} has {have}, not {asked}")


def _check_vectors(
    host: Provider, vectors: Sequence[Sequence[float]], *, count: int, dimensions: int | None
) -> None:
    sizes = {len(vector) for vector in vectors}
    if len(vectors) != count or len(sizes) > 1 or 0 in sizes:
        raise MalformedResponse(host.id, f"{len(vectors)} vectors for {count} texts")
    if dimensions is not None and sizes - {dimensions}:
        raise MalformedResponse(host.id, f"vectors of {sizes} and not {dimensions} dimensions")


def _cost(entry: EmbeddingModel, host: Provider, tokens: int | None) -> Decimal | None:
    if host.local:
        return Decimal(0)
    if tokens is None or entry.usd_per_million is None:
        return None
    return entry.usd_per_million * tokens / 1_000_000
