"""Parser of chat completion chunks, in the dialects of all vendors.

It accepts reasoning as `reasoning_content` or `reasoning`, content as a list of parts (Mistral),
usage in `x_groq`, in any chunk or after the finish reason, calls without an index (Fireworks),
errors as a payload with `choices` null, sources in `citations` or `search_results` (Perplexity),
and `message` instead of `delta` (an answer that was not streamed).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.adapters.finish_reasons import build_refusal, map_finish_reason
from providers.adapters.http.error_mapping import PARSE_ERRORS, build_incomplete, map_payload
from providers.adapters.payload import get_count, get_mapping, limit_part, merge_counts
from providers.chat import (
    Citation,
    Done,
    Event,
    ReasoningDelta,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from providers.errors import MalformedResponse


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class OpenAIStreamParser:
    """Turns chunks of one answer into events. One per call."""

    def __init__(self, vendor: str, *, secret: str) -> None:
        self._vendor = vendor
        self._secret = secret
        self._calls: dict[int, _Call] = {}
        self._indices: dict[str, int] = {}
        """Index of each call by its id."""
        self._moved: dict[int, int] = {}
        """Own indices of calls by those that servers used again."""
        self._last_index = 0
        self._refusal: list[str] = []
        self._usage: Mapping[str, Any] = {}
        self._citations: dict[str, Citation] = {}
        self._finish: str | None = None
        self._model: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether there was a finish reason; only usage may follow."""
        return self._finish is not None

    def parse(self, chunk: object) -> list[Event]:
        """Return the events of one decoded chunk.

        Raises:
            CallFailed: the chunk is an error, or not a chunk.
        """
        try:
            return self._parse(chunk)
        except PARSE_ERRORS as error:
            raise MalformedResponse(self._vendor, "a chunk is not as documented") from error

    def _parse(self, chunk: object) -> list[Event]:
        if not isinstance(chunk, dict):
            raise MalformedResponse(self._vendor, "a chunk is not an object")
        if chunk.get("error"):
            raise map_payload(self._vendor, chunk, secret=self._secret)
        if isinstance(model := chunk.get("model"), str):
            self._model = model
        self._collect_citations(chunk)
        events: list[Event] = []
        for choice in chunk.get("choices") or ():
            if isinstance(choice, dict):
                self._parse_choice(choice, events)
        usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
        if isinstance(usage, dict):
            self._usage = merge_counts(self._usage, usage)
            events.append(count_tokens_used(self._usage, self._usage))
        return events

    def close(self, *, request_id: str | None, notes: tuple[str, ...]) -> Iterator[Event]:
        """Yield the events that end the answer.

        Raises:
            IncompleteStream: there was no finish reason.
            ContentFiltered: its filter ended the answer, or the model refused.
            CallFailed: see `map_finish_reason`.
        """
        if self._finish is None:
            raise build_incomplete(self._vendor)
        refusal = "".join(self._refusal)
        finish = map_finish_reason(
            self._vendor,
            self._finish,
            has_calls=bool(self._calls),
            detail=refusal,
            secret=self._secret,
        )
        if refusal:
            raise build_refusal(self._vendor, refusal, secret=self._secret)
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

    def _parse_choice(self, choice: Mapping[str, Any], events: list[Event]) -> None:
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
            events.extend(self._parse_parts(content))
        for position, call in enumerate(delta.get("tool_calls") or ()):
            events.append(self._parse_call(call, position))
        if finish := choice.get("finish_reason"):
            self._finish = str(finish)

    def _parse_call(self, piece: Mapping[str, Any], position: int) -> ToolCallDelta:
        given = piece.get("index")
        if not isinstance(given, int):
            given = self._guess_index(piece, position)
        function = piece.get("function") or {}
        index = self._moved.get(given, given)
        if self._begins_another(index, piece.get("id"), function.get("name")):
            index = self._moved[given] = max(self._calls) + 1
        call = self._calls.setdefault(index, _Call())
        self._last_index = max(self._last_index, index)
        call.id = str(piece.get("id") or call.id or f"call_{index}")
        call.name = str(function.get("name") or call.name)
        self._indices[call.id] = index
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):  # some Mistral and local servers send the object itself
            arguments = json.dumps(arguments)
        call.arguments.append(arguments)
        return ToolCallDelta(index=index, id=call.id, name=call.name, arguments=arguments)

    def _begins_another(self, index: int, own: object, name: object) -> bool:
        """Return whether a piece begins a call although its index is used, as at some servers."""
        known = self._calls.get(index)
        return known is not None and bool(own and name and known.id not in (own, f"call_{index}"))

    def _guess_index(self, piece: Mapping[str, Any], position: int) -> int:
        """Return the index of a piece without one: the last call's, unless its id is new."""
        own = piece.get("id")
        if own and str(own) in self._indices:
            return self._indices[str(own)]
        if own or not self._calls:
            return len(self._calls)
        return self._last_index if position == 0 else position

    def _parse_parts(self, content: list[Any]) -> Iterator[Event]:
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

    def _collect_citations(self, chunk: Mapping[str, Any]) -> None:
        for source in chunk.get("search_results") or ():
            if isinstance(source, Mapping) and isinstance(url := source.get("url"), str):
                self._citations[url] = Citation.build(url, source.get("title"))
        for url in chunk.get("citations") or ():
            if isinstance(url, str):
                self._citations.setdefault(url, Citation(url=url))


def count_tokens_used(
    raw: Mapping[str, Any], stored: Mapping[str, Any], searches: int | None = None
) -> TokenUsage:
    """Return disjoint counts; OpenAI's prompt tokens include the cached ones.

    `stored` are the counts as the vendor named them.
    """
    if searches is None:
        searches = get_count(raw, "num_search_queries") or 0  # Perplexity
    prompt = get_count(raw, "prompt_tokens")
    output = get_count(raw, "completion_tokens")
    prompt_details = get_mapping(raw, "prompt_tokens_details")
    cached = get_count(prompt_details, "cached_tokens", absent=0)
    if cached == 0:
        cached = _get_either(raw, "prompt_cache_hit_tokens", "cached_tokens")
    written = _get_either(prompt_details, "cache_write_tokens", "cache_creation_input_tokens")
    fresh = None
    if prompt is not None and cached is not None and written is not None:
        cached = min(cached, prompt)
        written = min(written, prompt - cached)
        fresh = prompt - cached - written
    output_details = get_mapping(raw, "completion_tokens_details")
    reasoning = get_count(output_details, "reasoning_tokens", absent=0)
    apart = (prompt or 0) + (output or 0) + (reasoning or 0)
    if output is not None and reasoning and get_count(raw, "total_tokens") == apart:
        output += reasoning  # xAI counts reasoning separately from the completion
    return TokenUsage(
        input=fresh,
        cached=cached,
        cache_write=written,
        output=output,
        reasoning=limit_part(reasoning, output),
        searches=searches,
        raw=stored,
    )


def _get_either(raw: Mapping[str, Any], name: str, other: str) -> int | None:
    """Return the count of a field that has different names at different vendors."""
    return get_count(raw, name if name in raw else other, absent=0)
