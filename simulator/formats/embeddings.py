"""Embeddings of every vendor; vectors are made of words, so that similar texts are close."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from simulator.formats.base import StatusError

_WORD: Final = re.compile(r"\w+")
_DIMENSIONS: Final = 64


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """A request for embeddings, independent of its format."""

    model: str
    texts: Sequence[str]
    dimensions: int


@dataclass(frozen=True, slots=True)
class EmbeddingsFormat:
    """One vendor's requests and responses."""

    parse_fields: Callable[[Mapping[str, JsonValue]], EmbeddingsRequest]
    build_body: Callable[[EmbeddingsRequest, list[list[float]], int], JsonValue]
    """Takes the request, its vectors and the number of input tokens."""
    max_texts: int
    """Per request."""

    def parse(self, body: bytes) -> EmbeddingsRequest:
        """Parse a body; raise `StatusError` if it is invalid."""
        try:
            request = self.parse_fields(json.loads(body))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = "The request needs its documented fields, each of its documented type."
            raise StatusError(400, message) from error
        if len(request.texts) > self.max_texts:
            raise StatusError(400, f"At most {self.max_texts} texts in one request.")
        return request


def embed_text(text: str, dimensions: int) -> list[float]:
    """Return a vector of length 1 for a text."""
    sums = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [text]:
        digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
        sums[int.from_bytes(digest[:4]) % dimensions] += 1.0 if digest[4] % 2 else -1.0
    length = math.sqrt(sum(value * value for value in sums)) or 1.0
    return [value / length for value in sums]


def _to_texts(value: JsonValue) -> list[str]:
    items = value if isinstance(value, list) else [value]
    if items and isinstance(items[0], int):
        return [_read_tokens(items)]
    return [_read_tokens(item) if isinstance(item, list) else str(item) for item in items]


def _read_tokens(tokens: Sequence[JsonValue]) -> str:
    """Return a text of as many words."""
    return " ".join(f"token{each}" for each in tokens)


def _to_dimensions(value: JsonValue) -> int:
    return value if isinstance(value, int) and value > 0 else _DIMENSIONS


def _parse_openai(body: Mapping[str, JsonValue]) -> EmbeddingsRequest:
    return EmbeddingsRequest(
        str(body["model"]), _to_texts(body["input"]), _to_dimensions(body.get("dimensions"))
    )


def _build_openai(request: EmbeddingsRequest, vectors: list[list[float]], tokens: int) -> JsonValue:
    rows: list[JsonValue] = [
        {"object": "embedding", "index": index, "embedding": [*vector]}
        for index, vector in enumerate(vectors)
    ]
    usage: JsonValue = {"prompt_tokens": tokens, "total_tokens": tokens}
    # In reverse order: clients must sort by the index.
    return {"object": "list", "data": rows[::-1], "model": request.model, "usage": usage}


def _parse_cohere(body: Mapping[str, JsonValue]) -> EmbeddingsRequest:
    if body["input_type"] not in {"search_document", "search_query"}:
        raise ValueError("input_type")
    size = _to_dimensions(body.get("output_dimension"))
    return EmbeddingsRequest(str(body["model"]), _to_texts(body["texts"]), size)


def _build_cohere(request: EmbeddingsRequest, vectors: list[list[float]], tokens: int) -> JsonValue:
    return {
        "id": "simulated",
        "texts": [*request.texts],
        "embeddings": {"float": [[*vector] for vector in vectors]},
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": tokens}},
    }


def _parse_gemini(body: Mapping[str, JsonValue]) -> EmbeddingsRequest:
    requests = body["requests"]
    if not isinstance(requests, list) or not requests:
        raise ValueError("requests")
    texts: list[str] = []
    model, size = "", _DIMENSIONS
    for each in requests:
        if not isinstance(each, dict) or not isinstance(content := each["content"], dict):
            raise TypeError("content")
        parts = content["parts"]
        if not isinstance(parts, list) or not isinstance(first := parts[0], dict):
            raise TypeError("parts")
        texts.append(str(first["text"]))
        model = str(each["model"]).removeprefix("models/")
        size = _to_dimensions(each.get("outputDimensionality"))
    return EmbeddingsRequest(model, texts, size)


def _build_gemini(request: EmbeddingsRequest, vectors: list[list[float]], tokens: int) -> JsonValue:
    del request, tokens  # not in the response
    return {"embeddings": [{"values": [*vector]} for vector in vectors]}


def _build_ollama(request: EmbeddingsRequest, vectors: list[list[float]], tokens: int) -> JsonValue:
    rows: list[JsonValue] = [[*vector] for vector in vectors]
    return {"model": request.model, "embeddings": rows, "prompt_eval_count": tokens}


OPENAI_EMBEDDINGS: Final = EmbeddingsFormat(_parse_openai, _build_openai, 2048)
COHERE_EMBEDDINGS: Final = EmbeddingsFormat(_parse_cohere, _build_cohere, 96)
GEMINI_EMBEDDINGS: Final = EmbeddingsFormat(_parse_gemini, _build_gemini, 100)
OLLAMA_EMBEDDINGS: Final = EmbeddingsFormat(_parse_openai, _build_ollama, 512)
