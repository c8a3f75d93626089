"""Embedding of texts with any vendor; vectors are in the order of the texts."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from decimal import Decimal
from typing import Final, Self, TypeAlias

from pydantic import SecretStr

from providers.adapters.gemini.errors import refine_error
from providers.adapters.http.client import VendorClient
from providers.calls.fallback import FallbackCall
from providers.calls.middleware import CallContext, CallMiddleware
from providers.calls.timeouts import resolve_timeouts
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment, build_embedding_deployment
from providers.catalogue.keyring import Keyring, check_key
from providers.catalogue.schema import EmbeddingModel, Provider, TimeoutSeconds
from providers.chat import Done, Event, TokenUsage
from providers.embeddings.records import Embedded, Embedding, Purpose, Text
from providers.embeddings.request import (
    EmbeddingBatch,
    EmbeddingRequest,
    check_dimensions,
    check_texts,
    split_into_batches,
)
from providers.embeddings.wires import EMBEDDING_FORMATS, EmbeddingFormat
from providers.errors import MalformedResponse, NotServed
from providers.prices import calculate_cost, load_prices

MAX_CONCURRENT: Final = 4
"""Concurrent requests of one `embed`, which leaves capacity for other calls."""

_Report: TypeAlias = tuple[TokenUsage | None, tuple[str, ...]]
"""Usage and notes of one request."""


class Embedder:
    """Embeds texts with the router's keys and middleware; `Router.open_embedder` returns one.

    Use it in one event loop, within `async with`, for any number of calls at once.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        keyring: Keyring,
        *,
        get_base_url: Callable[[Provider], str | None],
        middleware: Sequence[CallMiddleware] = (),
        timeouts: TimeoutSeconds | None = None,
    ) -> None:
        """Create an embedder; `get_base_url` returns None if a provider cannot be called."""
        self._catalogue = catalogue
        self._keyring = keyring
        self._get_base_url = get_base_url
        self._middleware = middleware
        self._timeouts = timeouts
        self._clients: dict[tuple[str, str], VendorClient] = {}
        self._stack = AsyncExitStack()

    async def embed(
        self,
        model: str,
        texts: Sequence[Text],
        *,
        purpose: Purpose = "document",
        dimensions: int | None = None,
        context: CallContext | None = None,
    ) -> Embedded:
        """Embed texts with as many requests as needed; either all texts or none.

        Args:
            model: an id or alias of the catalogue, or `ollama/<tag>` and the like.
            texts: any number; none may be empty. Lists of tokens, for models that take them.
            purpose: of the vectors, for models that distinguish.
            dimensions: of each vector, if the model can shorten it.
            context: the work that the calls belong to.

        Raises:
            UnknownModel: with the nearest names.
            NotServed: there is no key or server, or the context forbids it; see the message.
            InvalidRequest: an empty text, tokens that the model does not take, or dimensions that
                it does not have.
            CallFailed: the middleware, the vendor or the network failed.
        """
        context = context or CallContext()
        entry = self._catalogue.find_embedding_model(model)
        await self._keyring.refresh()
        deployment = self._get_deployment(entry, context)
        if deployment.entry.prices is None and deployment.host.genai_prices is not None:
            await asyncio.to_thread(load_prices)
        wire = EMBEDDING_FORMATS[deployment.host.embeddings]
        check_texts(wire, texts, entry)
        check_dimensions(entry, dimensions)
        if deployment.simulated:  # the simulator does not know the models
            dimensions = dimensions or entry.dimensions
        batches = [
            EmbeddingBatch(
                redactor=self._keyring.get_redactor(shapes=True),
                request=EmbeddingRequest(
                    model=entry.model, texts=tuple(batch), purpose=purpose, dimensions=dimensions
                ),
                wire=wire,
                get_client=lambda key: self._get_client(deployment.host, wire, key),
            )
            for batch in split_into_batches(wire, texts)
        ]
        reports = await self._send_all(batches, deployment, context)
        vectors = [vector for batch in batches if batch.parsed for vector in batch.parsed.vectors]
        _check_vectors(deployment.host, vectors, count=len(texts), dimensions=dimensions)
        return _build_result(deployment, vectors, reports)

    async def _send_all(
        self, batches: Sequence[EmbeddingBatch], deployment: Deployment, context: CallContext
    ) -> list[_Report]:
        """Send all requests. After a failure none is begun, and the running ones are paid for."""
        limit = asyncio.Semaphore(MAX_CONCURRENT)
        failures: list[Exception] = []

        async def send(batch: EmbeddingBatch) -> _Report:
            async with limit:
                if failures:
                    return None, ()
                call = self._build_call(batch, deployment, context)
                try:
                    return await _collect_report(call.stream())
                except Exception as error:  # raised below, when the others have ended
                    failures.append(error)
                    return None, ()

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(send(batch), name="embed") for batch in batches]
        if failures:
            raise failures[0]
        return [task.result() for task in tasks]

    def _build_call(
        self, batch: EmbeddingBatch, deployment: Deployment, context: CallContext
    ) -> FallbackCall:
        return FallbackCall(
            deployments=[deployment],
            prepare=batch.prepare,
            context=context,
            middleware=self._middleware,
            keyring=self._keyring,
            get_timeouts=lambda each: resolve_timeouts(
                each, requested=context.timeouts, settings=self._timeouts, left=context.time_left
            ),
        )

    def _get_deployment(self, entry: EmbeddingModel, context: CallContext) -> Deployment:
        """Return an embedding model as a deployment, for middleware."""
        host = self._catalogue.providers[entry.provider]
        base_url = self._get_base_url(host)
        if base_url is None:
            raise NotServed(host.how_to_open)
        given = self._keyring.get(host.id)
        deployment = build_embedding_deployment(
            entry, host, base_url, simulated=given is not None and given.simulated
        )
        if context.find_objection is not None and (why := context.find_objection(deployment)):
            raise NotServed(f"{entry.name} must not be called for this: {why}")
        return deployment

    def _get_client(
        self, host: Provider, wire: EmbeddingFormat, key: SecretStr | None
    ) -> VendorClient:
        check_key(host, key)
        secret = key.get_secret_value() if key else ""
        if (host.id, secret) not in self._clients:
            client = VendorClient(
                vendor=host.id,
                base_url="",
                key=key,
                headers=wire.build_headers(secret),
                refine=refine_error,
            )
            self._clients[host.id, secret] = client
            self._stack.push_async_exit(client)
        return self._clients[host.id, secret]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()


async def _collect_report(events: AsyncGenerator[Event, None]) -> _Report:
    usage: TokenUsage | None = None
    notes: tuple[str, ...] = ()
    async with aclosing(events) as each:
        async for event in each:
            match event:
                case TokenUsage():
                    usage = event
                case Done():
                    notes = event.notes
                case _:
                    pass
    return usage, notes


def _build_result(
    deployment: Deployment, vectors: Sequence[Sequence[float]], reports: Sequence[_Report]
) -> Embedded:
    used = [usage for usage, _ in reports]
    return Embedded(
        embeddings=tuple(
            Embedding(model=deployment.model.id, dimensions=len(vector), vector=tuple(vector))
            for vector in vectors
        ),
        provider=deployment.provider,
        tokens=_sum_tokens(used),
        cost_usd=_sum_costs(used, deployment),
        simulated=deployment.simulated,
        notes=tuple(dict.fromkeys(note for _, notes in reports for note in notes)),
    )


def _sum_tokens(used: Sequence[TokenUsage | None]) -> int | None:
    counts = [None if usage is None else usage.input for usage in used]
    known = [each for each in counts if each is not None]
    return sum(known) if len(known) == len(counts) else None


def _check_vectors(
    host: Provider, vectors: Sequence[Sequence[float]], *, count: int, dimensions: int | None
) -> None:
    sizes = {len(vector) for vector in vectors}
    if len(vectors) != count or len(sizes) > 1 or 0 in sizes:
        raise MalformedResponse(host.id, f"{len(vectors)} vectors for {count} texts")
    if dimensions is not None and sizes - {dimensions}:
        raise MalformedResponse(host.id, f"vectors of {sizes} and not {dimensions} dimensions")


def _sum_costs(used: Sequence[TokenUsage | None], deployment: Deployment) -> Decimal | None:
    """Return the cost of all requests; None if a usage or price is unknown."""
    costs = [calculate_cost(usage or TokenUsage(), deployment) for usage in used]
    known = [cost.usd for cost in costs if cost is not None]
    if len(known) < len(used) or (
        None in used and not (deployment.host.local or deployment.simulated)
    ):
        return None
    return sum(known, Decimal())
