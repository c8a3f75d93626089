"""Wire formats of embeddings. Each request is one POST of JSON.

Sources: https://platform.openai.com/docs/api-reference/embeddings,
https://docs.cohere.com/reference/embed, https://ai.google.dev/api/embeddings,
https://github.com/ollama/ollama/blob/main/docs/api.md#generate-embeddings
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from providers.adapters.base import strip_endpoint
from providers.adapters.gemini.client import normalize_base_url
from providers.adapters.payload import get_count, get_mapping
from providers.catalogue.schema import EmbeddingWire
from providers.embeddings.records import Purpose, Text


@dataclass(frozen=True, slots=True)
class ParsedVectors:
    """The content of one response."""

    vectors: list[list[float]]
    tokens: int | None


class EmbeddingFormat(ABC):
    """Wire format of one vendor."""

    max_texts: ClassVar[int]
    """Maximum texts in one request."""
    max_tokens: ClassVar[int | None] = None
    """Maximum tokens of all texts in one request."""
    truncates_silently: ClassVar[bool] = False
    """Whether the vendor silently truncates long texts, which are therefore refused here."""

    @abstractmethod
    def build_url(self, base_url: str, model: str) -> str:
        """Return the URL, given the base URL of the provider's chat."""

    @abstractmethod
    def build_body(
        self, model: str, texts: Sequence[Text], *, purpose: Purpose, dimensions: int | None
    ) -> dict[str, Any]:
        """Return the request body."""

    @abstractmethod
    def parse(self, answer: Mapping[str, Any]) -> ParsedVectors:
        """Return the vectors in the order of the texts.

        Raises LookupError or TypeError if the answer has another format.
        """

    def build_headers(self, secret: str) -> dict[str, str]:
        """Return the headers with the key."""
        return {"authorization": f"Bearer {secret}"} if secret else {}


class _OpenAI(EmbeddingFormat):
    max_texts = 2048
    max_tokens = 300_000

    def build_url(self, base_url: str, model: str) -> str:
        del model
        return f"{strip_endpoint(base_url)}/embeddings"

    def build_body(
        self, model: str, texts: Sequence[Text], *, purpose: Purpose, dimensions: int | None
    ) -> dict[str, Any]:
        del purpose
        body: dict[str, Any] = {"model": model, "input": list(texts), "encoding_format": "float"}
        return body if dimensions is None else {**body, "dimensions": dimensions}

    def parse(self, answer: Mapping[str, Any]) -> ParsedVectors:
        rows = sorted(answer["data"], key=lambda row: row["index"])
        tokens = get_count(get_mapping(answer, "usage"), "prompt_tokens")
        return ParsedVectors([row["embedding"] for row in rows], tokens)


class _Fireworks(_OpenAI):
    def build_url(self, base_url: str, model: str) -> str:
        del model
        root = strip_endpoint(base_url).removesuffix("/v1")
        if root == "https://api.fireworks.ai":
            root += "/inference"
        return f"{root}/v1/embeddings"


class _Cohere(EmbeddingFormat):
    max_texts = 96

    def build_url(self, base_url: str, model: str) -> str:
        del model
        root = strip_endpoint(base_url).removesuffix("/compatibility/v1").removesuffix("/v2")
        return f"{root}/v2/embed"

    def build_body(
        self, model: str, texts: Sequence[Text], *, purpose: Purpose, dimensions: int | None
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": model,
            "texts": list(texts),
            "input_type": f"search_{purpose}",
            "embedding_types": ["float"],
            "truncate": "NONE",
        }
        return body if dimensions is None else {**body, "output_dimension": dimensions}

    def parse(self, answer: Mapping[str, Any]) -> ParsedVectors:
        billed = get_mapping(get_mapping(answer, "meta"), "billed_units")
        vectors = list(answer["embeddings"]["float"])
        return ParsedVectors(vectors, get_count(billed, "input_tokens"))


class _Gemini(EmbeddingFormat):
    max_texts = 100
    truncates_silently = True

    def build_url(self, base_url: str, model: str) -> str:
        return f"{normalize_base_url(base_url)}/models/{model}:batchEmbedContents"

    def build_body(
        self, model: str, texts: Sequence[Text], *, purpose: Purpose, dimensions: int | None
    ) -> dict[str, Any]:
        each: dict[str, Any] = {
            "model": f"models/{model}",
            "taskType": f"RETRIEVAL_{purpose.upper()}",
        }
        if dimensions is not None:
            each["outputDimensionality"] = dimensions
        return {"requests": [{**each, "content": {"parts": [{"text": text}]}} for text in texts]}

    def parse(self, answer: Mapping[str, Any]) -> ParsedVectors:
        tokens = get_count(get_mapping(answer, "usageMetadata"), "promptTokenCount")
        return ParsedVectors([each["values"] for each in answer["embeddings"]], tokens)

    def build_headers(self, secret: str) -> dict[str, str]:
        return {"x-goog-api-key": secret}


class _Ollama(EmbeddingFormat):
    max_texts = 64

    def build_url(self, base_url: str, model: str) -> str:
        del model
        return f"{strip_endpoint(base_url).removesuffix('/v1')}/api/embed"

    def build_body(
        self, model: str, texts: Sequence[Text], *, purpose: Purpose, dimensions: int | None
    ) -> dict[str, Any]:
        del purpose
        body: dict[str, Any] = {"model": model, "input": list(texts), "truncate": False}
        return body if dimensions is None else {**body, "dimensions": dimensions}

    def parse(self, answer: Mapping[str, Any]) -> ParsedVectors:
        return ParsedVectors(list(answer["embeddings"]), get_count(answer, "prompt_eval_count"))


EMBEDDING_FORMATS: Final[Mapping[EmbeddingWire, EmbeddingFormat]] = {
    "cohere": _Cohere(),
    "fireworks": _Fireworks(),
    "gemini": _Gemini(),
    "ollama": _Ollama(),
    "openai": _OpenAI(),
}
