"""Rankings of every vendor; documents score by the words that they share with the query."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from simulator.formats.base import StatusError
from simulator.formats.embeddings import embed_text

_DIMENSIONS: Final = 256
_TOKENS_PER_CHUNK: Final = 510
_DOCUMENTS_PER_UNIT: Final = 100


@dataclass(frozen=True, slots=True)
class RankingRequest:
    """A request for a ranking, independent of its format."""

    model: str
    query: str
    documents: Sequence[str]
    top_n: int


@dataclass(frozen=True, slots=True)
class RankingFormat:
    """One vendor's requests and responses."""

    parse_fields: Callable[[Mapping[str, JsonValue]], RankingRequest]
    build_body: Callable[[RankingRequest, list[tuple[int, float]], int], JsonValue]
    """Takes the request, places with scores, and the number of input tokens."""
    max_documents: int
    """Per request."""

    def parse(self, body: bytes) -> RankingRequest:
        """Parse a body; raise `StatusError` if it is invalid."""
        try:
            request = self.parse_fields(json.loads(body))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = "The request needs its documented fields, each of its documented type."
            raise StatusError(400, message) from error
        if not 1 <= len(request.documents) <= self.max_documents:
            raise StatusError(400, f"1 to {self.max_documents} documents in one request.")
        return request


def rank_documents(request: RankingRequest) -> list[tuple[int, float]]:
    """Return places with scores between 0 and 1, best first."""
    query = embed_text(request.query, _DIMENSIONS)
    scores = []
    for each in request.documents:
        cosine = sum(a * b for a, b in zip(query, embed_text(each, _DIMENSIONS), strict=True))
        scores.append(round(1 / (1 + math.exp(-4 * cosine)), 6))
    places = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    return [(place, scores[place]) for place in places[: request.top_n]]


def _to_texts(value: JsonValue) -> list[str]:
    if not isinstance(value, list):
        raise TypeError("documents")
    return [str(each["text"] if isinstance(each, dict) else each) for each in value]


def _parse(body: Mapping[str, JsonValue]) -> RankingRequest:
    documents = _to_texts(body["documents"])
    top_n = body.get("top_n")
    if top_n is not None and (not isinstance(top_n, int) or top_n < 1):
        raise ValueError("top_n")
    most = len(documents) if top_n is None else min(top_n, len(documents))
    return RankingRequest(str(body["model"]), str(body["query"]), documents, most)


def _parse_tei(body: Mapping[str, JsonValue]) -> RankingRequest:
    documents = _to_texts(body["texts"])
    return RankingRequest("", str(body["query"]), documents, len(documents))


def _to_rows(ranked: Sequence[tuple[int, float]], name: str) -> list[JsonValue]:
    return [{"index": place, name: score} for place, score in ranked]


def _build_cohere(
    request: RankingRequest, ranked: list[tuple[int, float]], tokens: int
) -> JsonValue:
    billed: dict[str, JsonValue]
    if request.model.startswith("rerank-v5"):
        billed = {"input_tokens": tokens}
    else:
        chunks = sum(len(each) // 4 // _TOKENS_PER_CHUNK + 1 for each in request.documents)
        billed = {"search_units": math.ceil(chunks / _DOCUMENTS_PER_UNIT)}
    return {
        "id": "simulated",
        "results": _to_rows(ranked, "relevance_score"),
        "meta": {"api_version": {"version": "2"}, "billed_units": billed},
    }


def _build_jina(request: RankingRequest, ranked: list[tuple[int, float]], tokens: int) -> JsonValue:
    return {
        "model": request.model,
        "object": "list",
        "usage": {"total_tokens": tokens},
        "results": _to_rows(ranked, "relevance_score"),
    }


def _build_fireworks(
    request: RankingRequest, ranked: list[tuple[int, float]], tokens: int
) -> JsonValue:
    usage = {"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0}
    rows = _to_rows(ranked, "relevance_score")
    return {"object": "list", "model": request.model, "data": rows, "usage": {**usage}}


def _build_tei(request: RankingRequest, ranked: list[tuple[int, float]], tokens: int) -> JsonValue:
    del request, tokens  # not in the response
    return _to_rows(ranked, "score")


COHERE_RANKINGS: Final = RankingFormat(_parse, _build_cohere, 1_000)
FIREWORKS_RANKINGS: Final = RankingFormat(_parse, _build_fireworks, 1_000)
JINA_RANKINGS: Final = RankingFormat(_parse, _build_jina, 2_048)
TEI_RANKINGS: Final = RankingFormat(_parse_tei, _build_tei, 32)
