"""Ranking of documents with any vendor."""

from collections.abc import Iterable, Sequence
from functools import partial

from providers.calls.batches import BatchSender, list_notes, sum_call_costs, sum_input_tokens
from providers.calls.middleware import CallContext
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import build_rerank_deployment
from providers.errors import NotServed
from providers.rerank.records import RankedDocument, Ranking
from providers.rerank.request import RerankBatch, RerankRequest, check_documents
from providers.rerank.wires import RERANK_FORMATS


class Reranker:
    """Ranks documents with the router's keys and middleware; `Router.open_reranker` returns one.

    Any number of calls may run at once.
    """

    def __init__(self, catalogue: Catalogue, sender: BatchSender) -> None:
        self._catalogue = catalogue
        self._sender = sender

    async def rerank(
        self,
        model: str,
        query: str,
        documents: Sequence[str],
        *,
        top_n: int | None = None,
        context: CallContext | None = None,
    ) -> Ranking:
        """Rank documents, best first, with as many requests as needed; either all or none.

        Args:
            model: an id or alias of the catalogue, or `vllm/<its own id>` and the like.
            query: what the documents may answer.
            documents: none may be empty.
            top_n: how many to return; by default all.
            context: the work that the calls belong to.

        Raises:
            UnknownModel: with the nearest names.
            NotServed: there is no key or server, or the context forbids it; see the message.
            InvalidRequest: an empty text, or no documents, or too many.
            CallFailed: the middleware, the vendor or the network failed.
        """
        context = context or CallContext()
        entry = self._catalogue.find_rerank_model(model)
        check_documents(entry.provider, query, documents, top_n)
        build = partial(build_rerank_deployment, entry)
        deployment = await self._sender.open_deployment(entry.provider, build, context)
        host, most = deployment.host, top_n or len(documents)
        if host.rerank is None:
            raise NotServed(f"{host.name} ranks no documents")
        wire = RERANK_FORMATS[host.rerank]
        starts = range(0, len(documents), wire.max_documents)
        batches = [
            RerankBatch(
                request=RerankRequest(
                    model=entry.model,
                    query=query,
                    documents=(here := tuple(documents[start : start + wire.max_documents])),
                    top_n=min(most, len(here)),
                ),
                wire=wire,
                get_client=partial(self._sender.get_client, host, wire.build_headers),
                redactor=self._sender.get_redactor(),
            )
            for start in starts
        ]
        reports = await self._sender.send_all(batches, deployment, context)
        ranked = _merge(zip(starts, batches, strict=True))
        return Ranking(
            documents=tuple(ranked[:most]),
            model=entry.id,
            provider=deployment.provider,
            tokens=sum_input_tokens(reports),
            cost_usd=sum_call_costs(reports, deployment),
            simulated=deployment.simulated,
            notes=list_notes(reports),
        )


def _merge(batches: Iterable[tuple[int, RerankBatch]]) -> list[RankedDocument]:
    """Return all documents, best first: a score does not depend on what is beside a document."""
    ranked = [
        RankedDocument(start + each.place, float(each.score))
        for start, batch in batches
        if batch.parsed
        for each in batch.parsed.documents
    ]
    return sorted(ranked, key=lambda each: (-each.score, each.place))
