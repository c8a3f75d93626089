"""Requests for embeddings, their conversion to tasks, and the answer.

https://platform.openai.com/docs/api-reference/embeddings/create
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from gateway.models import EmbeddingFacts
from gateway.tasks.openai.content import refuse_parameter
from gateway.tasks.openai.results import build_simulated_mark, get_answering_model
from protocol.embeddings import EncodingFormat, count_fitting_texts, read_texts
from protocol.records import NewTask, Task

_IGNORED: Final = ("metadata", "safety_identifier", "service_tier", "truncate", "user")
"""Parameters that are ignored; a header of the response names those that were sent."""
_PURPOSES: Final = {
    "document": "document",
    "passage": "document",
    "query": "query",
    "search_document": "document",
    "search_query": "query",
}
MAX_INPUT_BYTES: Final = 900 * 1024
"""Of the texts of one task; its params may have 1 MiB."""
_TITLE: Final = 100


class EmbeddingsBody(BaseModel):
    """OpenAI's request, and `input_type` as some clients send it for other vendors."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [{"model": "text-embedding-3-small", "input": ["a red apple"]}]
        },
    )

    model: str = Field(max_length=200)
    input: Any
    """A text, a list of texts, or their tokens."""
    dimensions: int | None = Field(None, ge=1, le=65_536)
    encoding_format: EncodingFormat | None = None
    input_type: str | None = Field(None, max_length=100)
    """Whether they are documents (the default) or a query, for models that distinguish."""

    @property
    def ignored(self) -> list[str]:
        """Names of the sent parameters that have no effect."""
        sent = self.model_extra or {}
        return [name for name in _IGNORED if sent.get(name) is not None]


def build_embedding_tasks(body: EmbeddingsBody, model: EmbeddingFacts) -> list[NewTask]:
    """Build the tasks, in the order of the texts: as few as rows are large enough for.

    Raise Problem (400).
    """
    try:
        texts = read_texts(body.input)
    except ValueError as error:
        raise refuse_parameter("input", f"input: {error}", code="invalid_request") from error
    encoding_format = body.encoding_format or "float"
    params = {
        "encoding_format": encoding_format,
        "dimensions": body.dimensions,
        "purpose": _read_purpose(body.input_type),
    }
    most = count_fitting_texts(body.dimensions or model.dimensions, encoding_format)
    return [
        NewTask(
            prompt=_find_title(part),
            type="EMBED",
            params={key: value for key, value in params.items() if value} | {"input": list(part)},
            model=model.id,
            stream=False,
        )
        for part in _split(texts, most)
    ]


def build_embeddings(tasks: Sequence[Task], *, model: str) -> dict[str, Any]:
    """Build the answer from the completed tasks, in their order."""
    vectors = [each for task in tasks for each in (task.result or {}).get("embeddings", ())]
    tokens = sum(task.input_tokens + task.cached_tokens for task in tasks)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(vectors)
        ],
        "model": get_answering_model(tasks[0], asked=model),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        **build_simulated_mark(tasks[0]),
    }


def _split(texts: Sequence[str | list[int]], most: int) -> Iterator[Sequence[str | list[int]]]:
    """Yield the texts in parts that one task can have."""
    begin, size = 0, 0
    for place, text in enumerate(texts):
        own = len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")) + 2
        if own > MAX_INPUT_BYTES:
            raise refuse_parameter(
                "input",
                f"input: text {place} has {own} bytes, and at most {MAX_INPUT_BYTES} can be sent",
                code="invalid_request",
                hint="split it: models read less than that",
            )
        if place - begin >= most or size + own > MAX_INPUT_BYTES:
            yield texts[begin:place]
            begin, size = place, 0
        size += own
    yield texts[begin:]


def _read_purpose(input_type: str | None) -> str | None:
    if input_type is None:
        return None
    purpose = _PURPOSES.get(input_type.lower())
    if purpose is None:
        raise refuse_parameter(
            "input_type",
            f"input_type must be one of {', '.join(_PURPOSES)}",
            code="invalid_request",
        )
    return purpose


def _find_title(texts: Sequence[str | list[int]]) -> str:
    """Return what lists of tasks show."""
    first = texts[0]
    title = " ".join(first.split())[:_TITLE] if isinstance(first, str) else "tokens"
    return title if len(texts) == 1 else f"{title} (and {len(texts) - 1} more)"
