"""Requests for rankings, with the interface that middleware uses for chat."""

import math
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from pydantic import SecretStr

from providers.adapters.base import Timeouts
from providers.adapters.http.client import VendorClient
from providers.adapters.http.error_mapping import PARSE_ERRORS
from providers.calls.masking import mask_keys
from providers.calls.prepare import USUAL_CHARACTERS_PER_TOKEN, PreparedCall
from providers.catalogue.deployment import Deployment
from providers.chat import Attachment, Done, Event, FinishReason, TokenUsage
from providers.errors import InvalidRequest, MalformedResponse
from providers.rerank.records import MAX_DOCUMENTS, RankedDocument
from providers.rerank.wires import ParsedRanking, RerankFormat
from providers.secrets import Redactor

MAX_ROW_BYTES: Final = 64 * 1024
"""Maximum bytes of a response for each document, whose text some servers repeat."""
MAX_DURATION: Final = timedelta(seconds=60)
"""Maximum duration of one request, regardless of longer timeouts."""
ESTIMATED: Final = "the vendor reports no counts of rankings: they are estimated by length"
_DOCUMENTS_PER_UNIT: Final = 100
_TOKENS_PER_DOCUMENT: Final = 500
"""Longer documents count as several in the search units of Cohere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankRequest:
    """The query and the documents of one request; a `VendorRequest`."""

    model: str
    """The provider's own id."""
    query: str
    documents: tuple[str, ...]
    top_n: int

    @property
    def stream(self) -> bool:
        """Always False: rankings are not streamed."""
        return False

    @property
    def max_output_tokens(self) -> int:
        """Always 0: nothing is generated."""
        return 0

    @property
    def web_search(self) -> bool:
        """Always False: the web is not searched."""
        return False

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

    def iter_files(self) -> Iterable[Attachment]:
        """Iterate over no files."""
        return ()

    def to_audit_record(self) -> dict[str, Any]:
        """Return the texts."""
        return {"query": self.query, "documents": list(self.documents)}

    def estimate_usage(self) -> TokenUsage:
        """Return about what a vendor counts."""
        tokens = sum(len(each) // USUAL_CHARACTERS_PER_TOKEN + 1 for each in self.iter_texts())
        sizes = [len(each) // USUAL_CHARACTERS_PER_TOKEN for each in self.documents]
        return TokenUsage(input=tokens, searches=_count_units(sizes))


def _count_units(sizes: Sequence[int]) -> int:
    pieces = sum(max(1, math.ceil(each / _TOKENS_PER_DOCUMENT)) for each in sizes)
    return math.ceil(pieces / _DOCUMENTS_PER_UNIT)


@dataclass(slots=True, kw_only=True)
class RerankBatch:
    """One request and, after a successful call, its ranking."""

    request: RerankRequest
    wire: RerankFormat
    get_client: Callable[[SecretStr | None], VendorClient]
    redactor: Redactor
    parsed: ParsedRanking | None = None

    def prepare(self, deployment: Deployment) -> PreparedCall:
        """Mask keys in the texts; see `prepare_chat`."""
        request, found = self.request, 0
        if deployment.masks_keys:
            query, found = mask_keys(request.query, self.redactor)
            pairs = [mask_keys(each, self.redactor) for each in request.documents]
            found += sum(count for _, count in pairs)
            documents = tuple(text for text, _ in pairs)
            request = replace(request, query=query, documents=documents)
        return _PreparedRanking(
            deployment=deployment, request=request, masked_keys=found, batch=self
        )


@dataclass(kw_only=True)
class _PreparedRanking(PreparedCall):
    request: RerankRequest
    batch: RerankBatch
    _client: VendorClient = field(init=False)

    async def open(self, key: SecretStr | None) -> None:
        self._client = self.batch.get_client(key)

    async def stream(self, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        request, wire = self.request, self.batch.wire
        vendor = self.deployment.provider
        answer = await self._client.post(
            wire.build_url(self.deployment.base_url),
            wire.build_body(request.model, request.query, request.documents, request.top_n),
            within=min(timeouts.total, MAX_DURATION),
            longest=MAX_ROW_BYTES * len(request.documents),
        )
        try:
            parsed = wire.parse(answer)
            _check_ranking(parsed.documents, request)
        except PARSE_ERRORS as error:
            raise MalformedResponse(vendor, "the ranking is not as documented") from error
        self.batch.parsed = parsed
        usage, notes = self._build_usage(parsed)
        yield usage
        yield Done(finish_reason=FinishReason.STOP, vendor_finish_reason="", notes=notes)

    def _build_usage(self, parsed: ParsedRanking) -> tuple[TokenUsage, tuple[str, ...]]:
        """Return what was counted, or an estimate of what the price needs."""
        prices = self.deployment.entry.prices
        pays_units = prices is not None and prices.per_search is not None
        estimated = self.request.estimate_usage()
        is_counted = (parsed.search_units if pays_units else parsed.tokens) is not None
        usage = TokenUsage(
            input=estimated.input if parsed.tokens is None else parsed.tokens,
            searches=(parsed.search_units or estimated.searches) if pays_units else 0,
        )
        notes: tuple[str, ...] = () if is_counted else (ESTIMATED,)
        limit = self.batch.wire.max_document_tokens
        longest = max(len(each) for each in self.request.documents) // USUAL_CHARACTERS_PER_TOKEN
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
