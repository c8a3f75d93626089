"""Requests for rankings, with the interface that middleware uses for chat."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from providers.calls.batches import TextlessBatch, TextlessRequest, VendorPost
from providers.calls.masking import mask_keys
from providers.calls.prepare import estimate_text_tokens
from providers.catalogue.deployment import Deployment
from providers.chat import TokenUsage
from providers.errors import InvalidRequest
from providers.rerank.records import MAX_DOCUMENTS, RankedDocument
from providers.rerank.wires import ParsedRanking, RerankFormat

MAX_ROW_BYTES: Final = 64 * 1024
"""Maximum bytes of a response for each document, whose text some servers repeat."""
ESTIMATED: Final = "the vendor reports no counts of rankings: they are estimated by length"
_DOCUMENTS_PER_UNIT: Final = 100
_TOKENS_PER_DOCUMENT: Final = 500
"""Longer documents count as several in the search units of Cohere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankRequest(TextlessRequest):
    """The query and the documents of one request; a `VendorRequest`."""

    model: str
    """The provider's own id."""
    query: str
    documents: tuple[str, ...]
    top_n: int

    @property
    def search_units(self) -> int:
        """The most units that a vendor counts, at one token a byte."""
        sizes = [len(each.encode("utf-8", "surrogatepass")) for each in self.documents]
        return _count_units(sizes)

    def iter_texts(self) -> Iterable[str]:
        """Iterate over what the model reads: it reads the query again with each document."""
        for each in self.documents:
            yield self.query
            yield each

    def to_audit_record(self) -> dict[str, Any]:
        """Return the texts."""
        return {"query": self.query, "documents": list(self.documents)}

    def estimate_usage(self) -> TokenUsage:
        """Return about what a vendor counts."""
        tokens = sum(map(estimate_text_tokens, self.iter_texts()))
        sizes = [*map(estimate_text_tokens, self.documents)]
        return TokenUsage(input=tokens, searches=_count_units(sizes))


def _count_units(sizes: Sequence[int]) -> int:
    pieces = sum(max(1, math.ceil(each / _TOKENS_PER_DOCUMENT)) for each in sizes)
    return math.ceil(pieces / _DOCUMENTS_PER_UNIT)


@dataclass(slots=True, kw_only=True)
class RerankBatch(TextlessBatch[RerankRequest]):
    """One request and, after a successful call, its ranking."""

    wire: RerankFormat
    parsed: ParsedRanking | None = None
    what = "the ranking is"

    def mask_request(self) -> tuple[RerankRequest, int]:
        """Return the request without keys in its texts, and how many there were."""
        query, found = mask_keys(self.request.query, self.redactor)
        pairs = [mask_keys(each, self.redactor) for each in self.request.documents]
        documents = tuple(text for text, _ in pairs)
        masked = replace(self.request, query=query, documents=documents)
        return masked, found + sum(count for _, count in pairs)

    def build_post(self, request: RerankRequest, base_url: str) -> VendorPost:
        """Return what is sent."""
        return VendorPost(
            self.wire.build_url(base_url),
            self.wire.build_body(request.model, request.query, request.documents, request.top_n),
            MAX_ROW_BYTES * len(request.documents),
        )

    def read(
        self, answer: Any, request: RerankRequest, deployment: Deployment
    ) -> tuple[TokenUsage, tuple[str, ...]]:
        """Keep the ranking; return what was used, and notes. Raise one of `PARSE_ERRORS`."""
        parsed = self.wire.parse(answer)
        _check_ranking(parsed.documents, request)
        self.parsed = parsed
        return self._build_usage(parsed, request, deployment)

    def _build_usage(
        self, parsed: ParsedRanking, request: RerankRequest, deployment: Deployment
    ) -> tuple[TokenUsage, tuple[str, ...]]:
        """Return what was counted, or an estimate of what the price needs."""
        prices = deployment.entry.prices
        pays_units = prices is not None and prices.per_search is not None
        estimated = request.estimate_usage()
        is_counted = (parsed.search_units if pays_units else parsed.tokens) is not None
        usage = TokenUsage(
            input=estimated.input if parsed.tokens is None else parsed.tokens,
            searches=(parsed.search_units or estimated.searches) if pays_units else 0,
        )
        notes: tuple[str, ...] = () if is_counted else (ESTIMATED,)
        limit = self.wire.max_document_tokens
        longest = max(map(estimate_text_tokens, request.documents))
        if limit is not None and longest > limit:
            notes += (f"the vendor reads the first {limit:,} tokens of a document",)
        return usage, notes


def check_documents(vendor: str, query: str, documents: Sequence[str], top_n: int | None) -> None:
    """Raise InvalidRequest for texts that vendors refuse with worse messages."""
    if not query.strip():
        raise InvalidRequest(vendor, "the query is empty")
    if not documents or len(documents) > MAX_DOCUMENTS:
        raise InvalidRequest(
            vendor, f"there are {len(documents)} documents; 1 to {MAX_DOCUMENTS:,} can be ranked"
        )
    if (
        empty := next((n for n, each in enumerate(documents) if not each.strip()), None)
    ) is not None:
        raise InvalidRequest(vendor, f"document {empty} is empty: omit it")
    if top_n is not None and top_n < 1:
        raise InvalidRequest(vendor, f"top_n is {top_n}; it must be at least 1")


def _check_ranking(documents: Sequence[RankedDocument], request: RerankRequest) -> None:
    """Raise `ValueError` unless it has enough of the documents, each once, with its score."""
    places = [each.place for each in documents]
    if not set(map(type, places)) <= {int} or len(set(places)) < len(places):
        raise ValueError("a document is ranked twice, or not at all")
    if not all(0 <= each < len(request.documents) for each in places):
        raise ValueError("a document is ranked that was not sent")
    if len(places) < min(request.top_n, len(request.documents)):
        raise ValueError("documents are missing")
    scores = [each.score for each in documents]
    if not set(map(type, scores)) <= {float, int} or not all(map(math.isfinite, scores)):
        raise ValueError("a score is not a finite number")
