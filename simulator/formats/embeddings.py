"""Embeddings of every vendor: vectors by the words of a text, so that like texts are near."""

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import Response

from simulator.endpoint import check_key
from simulator.faults import FaultDesk, FaultError, Refuse
from simulator.planned import tokens_in
from simulator.request import Question, Vendor
from simulator.request_log import Journal
from simulator.formats.base import RefusalError, Wire, dump, no_such_model

_WORD: Final = re.compile(r"\w+")
_DIMENSIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for."""

    model: str
    texts: Sequence[str]
    dimensions: int


@dataclass(frozen=True, slots=True)
class Format:
    """One vendor's requests and answers."""

    read: Callable[[Mapping[str, JsonValue]], Wanted]
    write: Callable[[Wanted, list[list[float]], int], JsonValue]
    """Given what was asked, the vectors and the count of tokens."""
    most: int
    """Texts in one request."""


def vector_of(text: str, dimensions: int) -> list[float]:
    """Return the vector of a text, of length 1."""
    sums = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [text]:
        digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
        sums[int.from_bytes(digest[:4]) % dimensions] += 1.0 if digest[4] % 2 else -1.0
    length = math.sqrt(sum(value * value for value in sums)) or 1.0
    return [value / length for value in sums]


class EmbeddingsEndpoint:
    """Answers requests for embeddings in one format."""

    def __init__(self, wire: Wire, form: Format, *, desk: FaultDesk, journal: Journal) -> None:
        """`wire` is the vendor's for chat: errors look the same."""
        self._wire = wire
        self._form = form
        self._desk = desk
        self._journal = journal

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        entry = self._journal.open(self._wire.vendor)
        headers: dict[str, str] = {}
        try:
            check_key(request, keyless=self._wire.vendor is Vendor.OLLAMA)
            wanted = await self._read(request)
            entry.model, entry.message_count = wanted.model, len(wanted.texts)
            self._refuse_on_request(wanted, request)
        except RefusalError as refused:
            entry.status = refused.status
            if refused.retry_after is not None:
                headers["retry-after"] = refused.retry_after
            body = self._wire.refusal(refused, request_id=f"req_sim{entry.number:06d}")
        else:
            entry.status = 200
            vectors = [vector_of(text, wanted.dimensions) for text in wanted.texts]
            body = self._form.write(wanted, vectors, sum(map(tokens_in, wanted.texts)))
        self._journal.close(entry)
        return Response(dump(body), entry.status, headers, media_type="application/json")

    async def _read(self, request: Request) -> Wanted:
        try:
            wanted = self._form.read(await request.json())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RefusalError(
                400, "The request needs its documented fields, each of its documented type."
            ) from error
        if len(wanted.texts) > self._form.most:
            raise RefusalError(400, f"At most {self._form.most} texts in one request.")
        if no_such_model(wanted.model):
            raise RefusalError(404, f"The model `{wanted.model}` does not exist.")
        return wanted

    def _refuse_on_request(self, wanted: Wanted, request: Request) -> None:
        question = Question(
            vendor=self._wire.vendor,
            model=wanted.model,
            prompt=wanted.texts[0] if wanted.texts else "",
            context="",
            message_count=len(wanted.texts),
            max_tokens=None,
            stream=False,
            wants_reasoning=False,
            shows_reasoning=False,
            wants_usage=True,
            is_cacheable=False,
        )
        try:
            fault = self._desk.take(question, request.headers)
        except FaultError as error:
            raise RefusalError(400, str(error)) from error
        if fault and isinstance(fault.what, Refuse):
            message = f"Simulated {fault.what.status}, as was asked for by {fault.spec!r}."
            raise RefusalError(fault.what.status, message, retry_after=fault.what.retry_after)


def _texts(value: JsonValue) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item) for item in items]


def _number(value: JsonValue) -> int:
    return value if isinstance(value, int) and value > 0 else _DIMENSIONS


def _read_openai(body: Mapping[str, JsonValue]) -> Wanted:
    return Wanted(str(body["model"]), _texts(body["input"]), _number(body.get("dimensions")))


def _write_openai(wanted: Wanted, vectors: list[list[float]], tokens: int) -> JsonValue:
    rows: list[JsonValue] = [
        {"object": "embedding", "index": index, "embedding": [*vector]}
        for index, vector in enumerate(vectors)
    ]
    usage: JsonValue = {"prompt_tokens": tokens, "total_tokens": tokens}
    # Backwards: the index counts, not the place.
    return {"object": "list", "data": rows[::-1], "model": wanted.model, "usage": usage}


def _read_cohere(body: Mapping[str, JsonValue]) -> Wanted:
    if body["input_type"] not in {"search_document", "search_query"}:
        raise ValueError("input_type")
    size = _number(body.get("output_dimension"))
    return Wanted(str(body["model"]), _texts(body["texts"]), size)


def _write_cohere(wanted: Wanted, vectors: list[list[float]], tokens: int) -> JsonValue:
    return {
        "id": "simulated",
        "texts": [*wanted.texts],
        "embeddings": {"float": [[*vector] for vector in vectors]},
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": tokens}},
    }


def _read_gemini(body: Mapping[str, JsonValue]) -> Wanted:
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
        size = _number(each.get("outputDimensionality"))
    return Wanted(model, texts, size)


def _write_gemini(wanted: Wanted, vectors: list[list[float]], tokens: int) -> JsonValue:
    del wanted, tokens  # this vendor does not count them
    return {"embeddings": [{"values": [*vector]} for vector in vectors]}


def _read_ollama(body: Mapping[str, JsonValue]) -> Wanted:
    return Wanted(str(body["model"]), _texts(body["input"]), _number(body.get("dimensions")))


def _write_ollama(wanted: Wanted, vectors: list[list[float]], tokens: int) -> JsonValue:
    rows: list[JsonValue] = [[*vector] for vector in vectors]
    return {"model": wanted.model, "embeddings": rows, "prompt_eval_count": tokens}


OPENAI_FORMAT: Final = Format(_read_openai, _write_openai, 2048)
COHERE_FORMAT: Final = Format(_read_cohere, _write_cohere, 96)
GEMINI_FORMAT: Final = Format(_read_gemini, _write_gemini, 100)
OLLAMA_FORMAT: Final = Format(_read_ollama, _write_ollama, 512)
