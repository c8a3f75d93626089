"""Wire formats of rankings. Each request is one POST of JSON.

Sources: https://docs.cohere.com/reference/rerank, https://jina.ai/reranker (also spoken by vLLM,
llama.cpp, Infinity and LiteLLM), https://docs.fireworks.ai/api-reference/rerank-documents,
https://huggingface.github.io/text-embeddings-inference
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from providers.adapters.base import strip_endpoint
from providers.adapters.payload import get_count, get_mapping
from providers.catalogue.schema import RerankWire
from providers.rerank.records import RankedDocument


@dataclass(frozen=True, slots=True)
class ParsedRanking:
    """The content of one response."""

    documents: list[RankedDocument]
    tokens: int | None = None
    search_units: int | None = None


class RerankFormat(ABC):
    """Wire format of one vendor."""

    max_documents: ClassVar[int] = 1_000
    """Maximum documents in one request."""
    max_document_tokens: ClassVar[int | None] = None
    """Longer documents are cut by the vendor."""

    @abstractmethod
    def build_url(self, base_url: str) -> str:
        """Return the URL, given the base URL of the provider."""

    def build_body(
        self, model: str, query: str, documents: Sequence[str], top_n: int
    ) -> dict[str, Any]:
        """Return the request body."""
        return {"model": model, "query": query, "documents": list(documents), "top_n": top_n}

    @abstractmethod
    def parse(self, answer: Any) -> ParsedRanking:
        """Return the documents with their scores, in any order.

        Raises LookupError or TypeError if the answer has another format.
        """

    def build_headers(self, secret: str) -> dict[str, str]:
        """Return the headers with the key."""
        return {"authorization": f"Bearer {secret}"} if secret else {}


class _Cohere(RerankFormat):
    max_document_tokens = 4_096

    def build_url(self, base_url: str) -> str:
        root = strip_endpoint(base_url).removesuffix("/compatibility/v1").removesuffix("/v2")
        return f"{root}/v2/rerank"

    def parse(self, answer: Any) -> ParsedRanking:
        meta = get_mapping(answer, "meta")
        billed = get_mapping(meta, "billed_units")
        tokens = get_count(billed, "input_tokens")
        return ParsedRanking(
            _read_rows(answer["results"], "relevance_score"),
            get_count(get_mapping(meta, "tokens"), "input_tokens") if tokens is None else tokens,
            get_count(billed, "search_units"),
        )


class _Jina(RerankFormat):
    def build_url(self, base_url: str) -> str:
        return f"{strip_endpoint(base_url)}/rerank"

    def build_body(
        self, model: str, query: str, documents: Sequence[str], top_n: int
    ) -> dict[str, Any]:
        body = super().build_body(model, query, documents, top_n)
        return {**body, "return_documents": False}

    def parse(self, answer: Any) -> ParsedRanking:
        # Fireworks calls them `data`.
        rows = answer["results"] if "results" in answer else answer["data"]
        usage = get_mapping(answer, "usage")
        counted = "prompt_tokens" if usage.get("prompt_tokens") is not None else "total_tokens"
        return ParsedRanking(_read_rows(rows, "relevance_score"), get_count(usage, counted))


class _Fireworks(_Jina):
    def build_url(self, base_url: str) -> str:
        root = strip_endpoint(base_url).removesuffix("/v1")
        if root == "https://api.fireworks.ai":
            root += "/inference"
        return f"{root}/v1/rerank"


class _Tei(RerankFormat):
    max_documents = 32
    """The server's own default."""

    def build_url(self, base_url: str) -> str:
        return f"{strip_endpoint(base_url).removesuffix('/v1')}/rerank"

    def build_body(
        self, model: str, query: str, documents: Sequence[str], top_n: int
    ) -> dict[str, Any]:
        del model, top_n  # a server has one model, and scores all
        return {"query": query, "texts": list(documents), "truncate": True}

    def parse(self, answer: Any) -> ParsedRanking:
        return ParsedRanking(_read_rows(answer, "score"))


def _read_rows(rows: Any, score: str) -> list[RankedDocument]:
    return [RankedDocument(row["index"], row[score]) for row in rows]


RERANK_FORMATS: Final[Mapping[RerankWire, RerankFormat]] = {
    "cohere": _Cohere(),
    "fireworks": _Fireworks(),
    "jina": _Jina(),
    "tei": _Tei(),
}
