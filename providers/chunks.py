"""The stream of "chat completion chunks", which OpenAI made and most vendors speak with accents.

The accents that are understood here: reasoning as `reasoning_content` or `reasoning`, content as
a list of parts (Mistral), usage in `x_groq`, in any chunk or after the finish, calls without an
index (Fireworks), errors as a payload with `choices` null, sources in `citations` or
`search_results` (Perplexity), `message` in place of `delta` (an answer that was not streamed).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from providers.chat import (
    Citation,
    Done,
    Event,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from providers.errors import ContentFiltered, MalformedResponse, Overloaded
from providers.failures import from_payload, incomplete

__all__ = ["ChunkReader"]

_FINISHES: Final[Mapping[str, FinishReason]] = {
    "eos": FinishReason.STOP,
    "function_call": FinishReason.TOOL_CALLS,
    "length": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "stop": FinishReason.STOP,
    "tool_calls": FinishReason.TOOL_CALLS,
}


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


class ChunkReader:
    """Turns the chunks of one answer into events. One per call."""

    def __init__(self, vendor: str, *, secret: str) -> None:
        self._vendor = vendor
        self._secret = secret
        self._calls: dict[int, _Call] = {}
        self._citations: dict[str, Citation] = {}
        self._finish: str | None = None
        self._model: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the vendor gave a finish reason: only bookkeeping may follow."""
        return self._finish is not None

    def read(self, chunk: object) -> list[Event]:
        """The events of one decoded chunk.

        Raises:
            CallFailed: the chunk is an error, or not a chunk.
        """
        try:
            return self._read(chunk)
        except (AttributeError, KeyError, TypeError) as error:  # a chunk of another shape
            raise MalformedResponse(self._vendor, "a chunk is not as documented") from error

    def _read(self, chunk: object) -> list[Event]:
        if not isinstance(chunk, dict):
            raise MalformedResponse(self._vendor, "a chunk is not an object")
        if chunk.get("error"):
            raise from_payload(self._vendor, chunk, secret=self._secret)
        if isinstance(model := chunk.get("model"), str):
            self._model = model
        self._cite(chunk)
        events: list[Event] = []
        for choice in chunk.get("choices") or ():
            if isinstance(choice, dict):
                self._choice(choice, events)
        usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
        if isinstance(usage, dict):
            events.append(_usage(usage))
        return events

    def close(self, *, request_id: str | None, notes: tuple[str, ...]) -> Iterator[Event]:
        """The events that end a whole answer.

        Raises:
            IncompleteStream: the vendor gave no finish reason.
            ContentFiltered: its filter ended the answer.
            Overloaded: it gave up in the middle.
        """
        if self._finish is None:
            raise incomplete(self._vendor)
        if self._finish == "content_filter":
            raise ContentFiltered(self._vendor, "the content filter stopped the answer")
        if self._finish == "error":
            raise Overloaded(self._vendor, "the vendor gave up in the middle of the answer")
        for call in self._calls.values():
            yield ToolCall(id=call.id, name=call.name, arguments=call.arguments or "{}")
        yield from self._citations.values()
        finish = _FINISHES.get(self._finish, FinishReason.STOP)
        # Some servers say "stop" after a call; the calls are what counts.
        if self._calls and finish is FinishReason.STOP:
            finish = FinishReason.TOOL_CALLS
        yield Done(
            finish_reason=finish,
            vendor_finish_reason=self._finish,
            model=self._model,
            request_id=request_id,
            notes=notes,
        )

    def _choice(self, choice: Mapping[str, Any], events: list[Event]) -> None:
        delta = choice.get("delta") or choice.get("message") or {}
        if reasoning := delta.get("reasoning_content") or delta.get("reasoning"):
            events.append(ReasoningDelta(str(reasoning)))
        content = delta.get("content")
        if isinstance(content, str):
            if content:
                events.append(TextDelta(content))
        elif isinstance(content, list):
            events.extend(_parts(content))
        for position, call in enumerate(delta.get("tool_calls") or ()):
            events.append(self._call(call, position))
        if finish := choice.get("finish_reason"):
            self._finish = str(finish)

    def _call(self, piece: Mapping[str, Any], position: int) -> ToolCallDelta:
        index = piece.get("index")
        if not isinstance(index, int):
            index = self._index_without(piece, position)
        call = self._calls.setdefault(index, _Call())
        function = piece.get("function") or {}
        call.id = piece.get("id") or call.id or f"call_{index}"
        call.name = function.get("name") or call.name
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):  # some Mistral and local servers send the object itself
            arguments = json.dumps(arguments)
        call.arguments += arguments
        return ToolCallDelta(index=index, id=call.id, name=call.name, arguments=arguments)

    def _index_without(self, piece: Mapping[str, Any], position: int) -> int:
        """A piece without an index continues the last call, unless its id is new."""
        for index, call in self._calls.items():
            if piece.get("id") == call.id:
                return index
        if piece.get("id") or not self._calls:
            return len(self._calls)
        return max(self._calls) if position == 0 else position

    def _cite(self, chunk: Mapping[str, Any]) -> None:
        for source in chunk.get("search_results") or ():
            if isinstance(source, Mapping) and isinstance(url := source.get("url"), str):
                self._citations[url] = Citation(url=url, title=source.get("title"))
        for url in chunk.get("citations") or ():
            if isinstance(url, str):
                self._citations.setdefault(url, Citation(url=url))


def _parts(content: list[Any]) -> Iterator[Event]:
    for part in content:
        if not isinstance(part, Mapping):
            continue
        if part.get("type") == "thinking":
            thinking = part.get("thinking")
            texts = thinking if isinstance(thinking, list) else [{"text": thinking}]
            for piece in texts:
                if text := piece.get("text"):
                    yield ReasoningDelta(str(text))
        elif text := part.get("text"):
            yield TextDelta(str(text))


def _usage(raw: Mapping[str, Any]) -> Usage:
    """Disjoint parts from OpenAI's, where the prompt includes what was cached."""
    prompt = _count(raw, "prompt_tokens")
    output = _count(raw, "completion_tokens")
    details = raw.get("prompt_tokens_details") or {}
    cached = _count(details, "cached_tokens") or _count(raw, "prompt_cache_hit_tokens")
    cached = min(cached, prompt)
    cache_write = min(_count(details, "cache_write_tokens"), prompt - cached)
    reasoning = _count(raw.get("completion_tokens_details") or {}, "reasoning_tokens")
    if reasoning and _count(raw, "total_tokens") == prompt + output + reasoning:
        output += reasoning  # xAI counts thinking beside the completion, not in it
    return Usage(
        input=prompt - cached - cache_write,
        cached=cached,
        cache_write=cache_write,
        output=output,
        reasoning=min(reasoning, output),
        raw=dict(raw),
    )


def _count(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name)
    return value if isinstance(value, int) and value > 0 else 0
