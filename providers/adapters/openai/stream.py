"""The stream of "chat completion chunks", which OpenAI made and most vendors speak with accents.

The accents that are understood here: reasoning as `reasoning_content` or `reasoning`, content as
a list of parts (Mistral), usage in `x_groq`, in any chunk or after the finish, calls without an
index (Fireworks), errors as a payload with `choices` null, sources in `citations` or
`search_results` (Perplexity), `message` in place of `delta` (an answer that was not streamed).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.adapters.finish_reasons import read_finish, refusal
from providers.adapters.http.error_mapping import UNREADABLE, from_payload, incomplete
from providers.adapters.token_counts import at_most, count, details, merged
from providers.chat import (
    Citation,
    Done,
    Event,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from providers.errors import MalformedResponse

__all__ = ["ChunkReader"]


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class ChunkReader:
    """Turns the chunks of one answer into events. One per call."""

    def __init__(self, vendor: str, *, secret: str) -> None:
        self._vendor = vendor
        self._secret = secret
        self._calls: dict[int, _Call] = {}
        self._places: dict[str, int] = {}
        """The calls' indices by their ids."""
        self._last = 0
        """The highest index of a call."""
        self._refusal: list[str] = []
        self._usage: Mapping[str, Any] = {}
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
        except UNREADABLE as error:  # a chunk of another shape
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
            self._usage = merged(self._usage, usage)
            events.append(_usage(self._usage))
        return events

    def close(self, *, request_id: str | None, notes: tuple[str, ...]) -> Iterator[Event]:
        """The events that end a whole answer.

        Raises:
            IncompleteStream: the vendor gave no finish reason.
            ContentFiltered: its filter ended the answer, or the model refused.
            CallFailed: the finish reason is no good one; see `read_finish`.
        """
        if self._finish is None:
            raise incomplete(self._vendor)
        refused = "".join(self._refusal)
        finish = read_finish(
            self._vendor,
            self._finish,
            called=bool(self._calls),
            said=refused,
            secret=self._secret,
        )
        if refused:
            raise refusal(self._vendor, refused, secret=self._secret)
        for call in self._calls.values():
            arguments = "".join(call.arguments)
            yield ToolCall(id=call.id, name=call.name, arguments=arguments or "{}")
        yield from self._citations.values()
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
        if refused := delta.get("refusal"):
            self._refusal.append(str(refused))
        content = delta.get("content")
        if isinstance(content, str):
            if content:
                events.append(TextDelta(content))
        elif isinstance(content, list):
            events.extend(self._parts(content))
        for position, call in enumerate(delta.get("tool_calls") or ()):
            events.append(self._call(call, position))
        if finish := choice.get("finish_reason"):
            self._finish = str(finish)

    def _call(self, piece: Mapping[str, Any], position: int) -> ToolCallDelta:
        index = piece.get("index")
        if not isinstance(index, int):
            index = self._index_without(piece, position)
        call = self._calls.setdefault(index, _Call())
        self._last = max(self._last, index)
        function = piece.get("function") or {}
        call.id = str(piece.get("id") or call.id or f"call_{index}")
        call.name = str(function.get("name") or call.name)
        self._places[call.id] = index
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):  # some Mistral and local servers send the object itself
            arguments = json.dumps(arguments)
        call.arguments.append(arguments)
        return ToolCallDelta(index=index, id=call.id, name=call.name, arguments=arguments)

    def _index_without(self, piece: Mapping[str, Any], position: int) -> int:
        """A piece without an index continues the last call, unless its id is new."""
        own = piece.get("id")
        if own and str(own) in self._places:
            return self._places[str(own)]
        if own or not self._calls:
            return len(self._calls)
        return self._last if position == 0 else position

    def _parts(self, content: list[Any]) -> Iterator[Event]:
        for part in content:
            if not isinstance(part, Mapping):
                continue
            if part.get("type") == "thinking":
                thinking = part.get("thinking")
                texts = thinking if isinstance(thinking, list) else [{"text": thinking}]
                for piece in texts:
                    if text := piece.get("text"):
                        yield ReasoningDelta(str(text))
            elif refused := part.get("refusal"):
                self._refusal.append(str(refused))
            elif text := part.get("text"):
                yield TextDelta(str(text))

    def _cite(self, chunk: Mapping[str, Any]) -> None:
        for source in chunk.get("search_results") or ():
            if isinstance(source, Mapping) and isinstance(url := source.get("url"), str):
                self._citations[url] = Citation.of(url, source.get("title"))
        for url in chunk.get("citations") or ():
            if isinstance(url, str):
                self._citations.setdefault(url, Citation(url=url))


def _usage(raw: Mapping[str, Any]) -> Usage:
    """Disjoint parts from OpenAI's, where the prompt includes what was cached."""
    prompt = count(raw, "prompt_tokens")
    output = count(raw, "completion_tokens")
    of_prompt = details(raw, "prompt_tokens_details")
    cached = count(of_prompt, "cached_tokens", absent=0)
    if cached == 0:
        cached = _other(raw, "prompt_cache_hit_tokens", "cached_tokens")
    written = _other(of_prompt, "cache_write_tokens", "cache_creation_input_tokens")
    fresh = None
    if prompt is not None and cached is not None and written is not None:
        cached = min(cached, prompt)
        written = min(written, prompt - cached)
        fresh = prompt - cached - written
    of_output = details(raw, "completion_tokens_details")
    reasoning = count(of_output, "reasoning_tokens", absent=0)
    apart = (prompt or 0) + (output or 0) + (reasoning or 0)
    if output is not None and reasoning and count(raw, "total_tokens") == apart:
        output += reasoning  # xAI counts thinking beside the completion, not in it
    return Usage(
        input=fresh,
        cached=cached,
        cache_write=written,
        output=output,
        reasoning=at_most(reasoning, output),
        raw=raw,
    )


def _other(raw: Mapping[str, Any], name: str, other: str) -> int | None:
    """Return the count under one of two names that vendors have for the same."""
    return count(raw, name if name in raw else other, absent=0)
