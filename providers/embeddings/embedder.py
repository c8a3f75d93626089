"""Embedding of texts with any vendor; vectors are in the order of the texts."""

from collections.abc import Sequence
from functools import partial

from providers.calls.batches import (
    BatchReport,
    BatchSender,
    list_notes,
    sum_call_costs,
    sum_input_tokens,
)
from providers.calls.middleware import CallContext
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment, build_embedding_deployment
from providers.catalogue.schema import Provider
from providers.embeddings.records import Embedded, Embedding, Purpose, Text
from providers.embeddings.request import (
    EmbeddingBatch,
    EmbeddingRequest,
    check_dimensions,
    check_texts,
    split_into_batches,
)
from providers.embeddings.wires import EMBEDDING_FORMATS
from providers.errors import MalformedResponse


class Embedder:
    """Embeds texts with the router's keys and middleware; `Router.open_embedder` returns one.

    Any number of calls may run at once.
    """

    def __init__(self, catalogue: Catalogue, sender: BatchSender) -> None:
        self._catalogue = catalogue
        self._sender = sender

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
        deployment = await self._sender.open_deployment(
            entry.provider, partial(build_embedding_deployment, entry), context
        )
        wire = EMBEDDING_FORMATS[deployment.host.embeddings]
        check_texts(wire, texts, entry)
        check_dimensions(entry, dimensions)
        if deployment.simulated:  # the simulator does not know the models
            dimensions = dimensions or entry.dimensions
        batches = [
            EmbeddingBatch(
                redactor=self._sender.get_redactor(),
                request=EmbeddingRequest(
                    model=entry.model, texts=tuple(batch), purpose=purpose, dimensions=dimensions
                ),
                wire=wire,
                get_client=partial(self._sender.get_client, deployment.host, wire.build_headers),
            )
            for batch in split_into_batches(wire, texts)
        ]
        reports = await self._sender.send_all(batches, deployment, context)
        vectors = [vector for batch in batches if batch.parsed for vector in batch.parsed.vectors]
        _check_vectors(deployment.host, vectors, count=len(texts), dimensions=dimensions)
        return _build_result(deployment, vectors, reports)


def _build_result(
    deployment: Deployment, vectors: Sequence[Sequence[float]], reports: Sequence[BatchReport]
) -> Embedded:
    return Embedded(
        embeddings=tuple(
            Embedding(model=deployment.model.id, dimensions=len(vector), vector=tuple(vector))
            for vector in vectors
        ),
        provider=deployment.provider,
        tokens=sum_input_tokens(reports),
        cost_usd=sum_call_costs(reports, deployment),
        simulated=deployment.simulated,
        notes=list_notes(reports),
    )


def _check_vectors(
    host: Provider, vectors: Sequence[Sequence[float]], *, count: int, dimensions: int | None
) -> None:
    sizes = {len(vector) for vector in vectors}
    if len(vectors) != count or len(sizes) > 1 or 0 in sizes:
        raise MalformedResponse(host.id, f"{len(vectors)} vectors for {count} texts")
    if dimensions is not None and sizes - {dimensions}:
        raise MalformedResponse(host.id, f"vectors of {sizes} and not {dimensions} dimensions")
