"""`embed`: texts in, vectors out, in their order, whatever the vendor."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from decimal import Decimal
from types import TracebackType
from typing import Final, Self, TypeAlias

from pydantic import SecretStr

from providers.adapters.gemini.errors import refined
from providers.adapters.http.client import NativeClient
from providers.calls.fallback import Chain
from providers.calls.middleware import Errand, Gate
from providers.calls.timeouts import timeouts_for
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment
from providers.catalogue.keyring import Keyring, check_key
from providers.catalogue.schema import DeploymentEntry, Model, Prices, Provider, TimeoutSeconds
from providers.chat import Done, Event, Usage
from providers.embeddings.batches import batches, check
from providers.embeddings.records import Embedded, Embedding, Purpose
from providers.embeddings.request import Batch, EmbeddingRequest
from providers.embeddings.schema import EmbeddingModel
from providers.embeddings.wires import WIRES, Wire
from providers.errors import InvalidRequest, MalformedResponse, NotServed
from providers.prices import cost_of, load_prices

__all__ = ["Embedder"]

AT_ONCE: Final = 4
"""Requests of one call to `embed`, so that it leaves room for others."""

_Told: TypeAlias = tuple[Usage | None, tuple[str, ...]]
"""What the vendor counted for one request, and the notes of its call."""


class Embedder:
    """Behind the same gates as chat, with the same keys; `Router.embedder` gives one.

    Use it in one event loop, within `async with`; any number of calls at once.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        keyring: Keyring,
        *,
        base_url: Callable[[Provider], str | None],
        gates: Sequence[Gate] = (),
        timeouts: TimeoutSeconds | None = None,
    ) -> None:
        """`base_url` says where a provider can be called from here, None when it cannot."""
        self._catalogue = catalogue
        self._keyring = keyring
        self._base_url = base_url
        self._gates = gates
        self._timeouts = timeouts
        self._clients: dict[tuple[str, str], NativeClient] = {}
        self._stack = AsyncExitStack()

    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        purpose: Purpose = "document",
        dimensions: int | None = None,
        errand: Errand | None = None,
    ) -> Embedded:
        """Embed texts, as many requests as it takes; all of them or none.

        Args:
            model: an id or alias of the catalogue, or `ollama/<tag>` and the like.
            texts: in any number; none may be empty.
            purpose: what the vectors are for, where the model makes a difference.
            dimensions: of each vector, where the model can shorten them.
            errand: for whom; gates judge by it.

        Raises:
            UnknownModel: with the nearest names.
            NotServed: no key or server here, or the errand forbids it; the message says which.
            InvalidRequest: an empty text, or dimensions that the model does not have.
            CallFailed: anything that a gate, the vendor or the network did.
        """
        errand = errand or Errand()
        entry = self._catalogue.embedding(model)
        await self._keyring.refresh()
        place = self._place(entry, errand)
        if place.entry.prices is None and place.host.genai_prices is not None:
            await asyncio.to_thread(load_prices)
        wire = WIRES[place.host.embeddings]
        check(place.provider, wire, texts, longest=entry.max_input_tokens)
        _check_dimensions(entry, dimensions)
        asked = [
            Batch(
                redactor=self._keyring.redactor(shapes=True),
                request=EmbeddingRequest(
                    model=entry.model, texts=tuple(batch), purpose=purpose, dimensions=dimensions
                ),
                wire=wire,
                client=lambda key: self._client(place.host, wire, key),
            )
            for batch in batches(wire, texts)
        ]
        told = await self._told(asked, place, errand)
        vectors = [vector for batch in asked if batch.read for vector in batch.read.vectors]
        _check_vectors(place.host, vectors, count=len(texts), dimensions=dimensions)
        return _embedded(place, vectors, told)

    async def _told(self, asked: Sequence[Batch], place: Deployment, errand: Errand) -> list[_Told]:
        """Send all requests, a few at once; give what the vendor counted, and notes."""
        room = asyncio.Semaphore(AT_ONCE)

        async def ask(batch: Batch) -> _Told:
            async with room:
                return await _folded(self._chain(batch, place, errand).events())

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ask(batch), name="embed") for batch in asked]
        except* Exception as failures:
            raise failures.exceptions[0] from None  # one error, as from one call
        return [task.result() for task in tasks]

    def _chain(self, batch: Batch, place: Deployment, errand: Errand) -> Chain:
        return Chain(
            deployments=[place],
            prepare=batch.prepare,
            errand=errand,
            gates=self._gates,
            keyring=self._keyring,
            timeouts=lambda each: timeouts_for(
                each, asked=errand.timeouts, settings=self._timeouts, left=errand.time_left
            ),
        )

    def _place(self, entry: EmbeddingModel, errand: Errand) -> Deployment:
        """Where the model is served, in the words of the gates."""
        host = self._catalogue.providers[entry.provider]
        base_url = self._base_url(host)
        if base_url is None:
            raise NotServed(host.how_to_open)
        given = self._keyring.get(host.id)
        place = Deployment(
            model=_as_model(entry),
            entry=_as_model(entry).deployments[0],
            host=host,
            base_url=base_url,
            simulated=given is not None and given.simulated,
        )
        if errand.forbids is not None and (why := errand.forbids(place)):
            raise NotServed(f"{entry.name} must not be called for this: {why}")
        return place

    def _client(self, host: Provider, wire: Wire, key: SecretStr | None) -> NativeClient:
        check_key(host, key)
        secret = key.get_secret_value() if key else ""
        if (host.id, secret) not in self._clients:
            client = NativeClient(
                vendor=host.id, base_url="", key=key, headers=wire.headers(secret), refine=refined
            )
            self._clients[host.id, secret] = client
            self._stack.push_async_exit(client)
        return self._clients[host.id, secret]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()


async def _folded(events: AsyncGenerator[Event, None]) -> _Told:
    usage: Usage | None = None
    notes: tuple[str, ...] = ()
    async with aclosing(events) as each:
        async for event in each:
            match event:
                case Usage():
                    usage = event
                case Done():
                    notes = event.notes
                case _:
                    pass
    return usage, notes


def _embedded(
    place: Deployment, vectors: Sequence[Sequence[float]], told: Sequence[_Told]
) -> Embedded:
    used = [usage for usage, _ in told]
    return Embedded(
        embeddings=tuple(
            Embedding(model=place.model.id, dimensions=len(vector), vector=tuple(vector))
            for vector in vectors
        ),
        provider=place.provider,
        tokens=_tokens(used),
        cost_usd=_cost(used, place),
        simulated=place.simulated,
        notes=tuple(dict.fromkeys(note for _, notes in told for note in notes)),
    )


def _tokens(used: Sequence[Usage | None]) -> int | None:
    counts = [None if usage is None else usage.input for usage in used]
    known = [each for each in counts if each is not None]
    return sum(known) if len(known) == len(counts) else None


def _as_model(entry: EmbeddingModel) -> Model:
    """The entry as the gates know models: only what is read has a price."""
    prices = None
    if entry.usd_per_million is not None:
        prices = Prices(
            input=entry.usd_per_million,
            output=Decimal(0),
            source=entry.price_source or "the catalogue",
        )
    return Model(
        id=entry.id,
        name=entry.name,
        maker=entry.maker,
        deployments=(DeploymentEntry(provider=entry.provider, model=entry.model, prices=prices),),
    )


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


def _cost(used: Sequence[Usage | None], place: Deployment) -> Decimal | None:
    """Return the cost of all requests; None where it is not known what they used at what price."""
    costs = [cost_of(usage or Usage(), place) for usage in used]
    known = [cost.usd for cost in costs if cost is not None]
    if len(known) < len(used) or (None in used and not (place.host.local or place.simulated)):
        return None
    return sum(known, Decimal())
