"""The four ways in which vendors take texts and give vectors. Each is one POST of JSON.

Sources: https://platform.openai.com/docs/api-reference/embeddings,
https://docs.cohere.com/reference/embed, https://ai.google.dev/api/embeddings,
https://github.com/ollama/ollama/blob/main/docs/api.md#generate-embeddings
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from providers.adapters.gemini.client import root
from providers.adapters.token_counts import count, details
from providers.embeddings.records import Purpose
from providers.embeddings.schema import EmbeddingWire

__all__ = ["WIRES", "Read", "Wire"]


@dataclass(frozen=True, slots=True)
class Read:
    """What one answer says."""

    vectors: list[list[float]]
    tokens: int | None


class Wire(ABC):
    """One vendor's format."""

    most_texts: ClassVar[int]
    """In one request."""
    most_tokens: ClassVar[int | None] = None
    """Of all texts of one request."""
    cuts_silently: ClassVar[bool] = False
    """Whether a text that is too long is cut without a word, so that we must refuse it."""

    @abstractmethod
    def url(self, base_url: str, model: str) -> str:
        """Where to post, given the base URL of the provider's chat."""

    @abstractmethod
    def body(
        self, model: str, texts: Sequence[str], *, purpose: Purpose, dimensions: int | None
    ) -> dict[str, Any]:
        """The request."""

    @abstractmethod
    def read(self, answer: Mapping[str, Any]) -> Read:
        """The vectors in the order of the texts. Any LookupError or TypeError: another shape."""

    def headers(self, secret: str) -> dict[str, str]:
        """How the key is sent."""
        return {"authorization": f"Bearer {secret}"} if secret else {}


class _OpenAI(Wire):
    most_texts = 2048
    most_tokens = 300_000

    def url(self, base_url: str, model: str) -> str:
        del model
        return f"{_chat_root(base_url)}/embeddings"

    def body(
        self, model: str, texts: Sequence[str], *, purpose: Purpose, dimensions: int | None
    ) -> dict[str, Any]:
        del purpose
        body: dict[str, Any] = {"model": model, "input": list(texts), "encoding_format": "float"}
        return body if dimensions is None else {**body, "dimensions": dimensions}

    def read(self, answer: Mapping[str, Any]) -> Read:
        rows = sorted(answer["data"], key=lambda row: row["index"])
        tokens = count(details(answer, "usage"), "prompt_tokens")
        return Read([row["embedding"] for row in rows], tokens)


class _Cohere(Wire):
    most_texts = 96

    def url(self, base_url: str, model: str) -> str:
        del model
        root_url = _chat_root(base_url).removesuffix("/compatibility/v1").removesuffix("/v2")
        return f"{root_url}/v2/embed"

    def body(
        self, model: str, texts: Sequence[str], *, purpose: Purpose, dimensions: int | None
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": model,
            "texts": list(texts),
            "input_type": f"search_{purpose}",
            "embedding_types": ["float"],
            "truncate": "NONE",
        }
        return body if dimensions is None else {**body, "output_dimension": dimensions}

    def read(self, answer: Mapping[str, Any]) -> Read:
        billed = details(details(answer, "meta"), "billed_units")
        return Read(list(answer["embeddings"]["float"]), count(billed, "input_tokens"))


class _Gemini(Wire):
    most_texts = 100
    cuts_silently = True

    def url(self, base_url: str, model: str) -> str:
        return f"{root(base_url)}/models/{model}:batchEmbedContents"

    def body(
        self, model: str, texts: Sequence[str], *, purpose: Purpose, dimensions: int | None
    ) -> dict[str, Any]:
        each: dict[str, Any] = {
            "model": f"models/{model}",
            "taskType": f"RETRIEVAL_{purpose.upper()}",
        }
        if dimensions is not None:
            each["outputDimensionality"] = dimensions
        return {"requests": [{**each, "content": {"parts": [{"text": text}]}} for text in texts]}

    def read(self, answer: Mapping[str, Any]) -> Read:
        return Read([each["values"] for each in answer["embeddings"]], None)

    def headers(self, secret: str) -> dict[str, str]:
        return {"x-goog-api-key": secret}


class _Ollama(Wire):
    most_texts = 64

    def url(self, base_url: str, model: str) -> str:
        del model
        return f"{_chat_root(base_url).removesuffix('/v1')}/api/embed"

    def body(
        self, model: str, texts: Sequence[str], *, purpose: Purpose, dimensions: int | None
    ) -> dict[str, Any]:
        del purpose
        body: dict[str, Any] = {"model": model, "input": list(texts), "truncate": False}
        return body if dimensions is None else {**body, "dimensions": dimensions}

    def read(self, answer: Mapping[str, Any]) -> Read:
        return Read(list(answer["embeddings"]), count(answer, "prompt_eval_count"))


def _chat_root(url: str) -> str:
    return url.rstrip("/").removesuffix("/chat/completions")


WIRES: Final[Mapping[EmbeddingWire, Wire]] = {
    "cohere": _Cohere(),
    "gemini": _Gemini(),
    "ollama": _Ollama(),
    "openai": _OpenAI(),
}
