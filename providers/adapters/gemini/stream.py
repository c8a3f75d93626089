"""Parser of streamed Gemini responses."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from providers.adapters.finish_reasons import map_finish_reason
from providers.adapters.gemini.errors import map_gemini_payload
from providers.adapters.gemini.request import VENDOR
from providers.adapters.http.error_mapping import PARSE_ERRORS, build_incomplete, sanitize
from providers.adapters.payload import get_count, get_text, merge_counts
from providers.chat import (
    Citation,
    Done,
    Event,
    FinishReason,
    ReasoningDelta,
    ReasoningReplay,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from providers.errors import ContentFiltered, MalformedResponse


class GeminiStreamParser:
    """Turns the responses of one answer into events. One per call."""

    def __init__(self, *, model: str, secret: str, keeps_parts: bool) -> None:
        """Create a parser; `keeps_parts` keeps the parts as received for a tool loop."""
        self._requested_model = model
        self._secret = secret
        self._keeps_parts = keeps_parts
        self._parts: list[Mapping[str, Any]] = []
        self._calls: list[ToolCall] = []
        self._citations: dict[str, Citation] = {}
        self._queries: set[str] = set()
        """Queries of its web search, each of which has a price."""
        self._finish: str | None = None
        self._blocked: str | None = None
        self._detail = ""
        """The vendor's message about a blocked prompt, or about the finish reason."""
        self._usage: Mapping[str, Any] = {}
        self._model: str | None = None
        self._id: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether there was a finish reason."""
        return self._finish is not None

    def parse(self, payload: object) -> Iterator[Event]:
        """Yield the events of one decoded response.

        Raises:
            CallFailed: the payload is an error, or not a response.
        """
        try:
            yield from self._parse(payload)
        except PARSE_ERRORS as error:
            raise MalformedResponse(VENDOR, "a response is not as documented") from error

    def close(self, *, notes: tuple[str, ...], request_id: str | None = None) -> Iterator[Event]:
        """Yield the events that end the answer.

        Raises:
            IncompleteStream: there was no finish reason.
            ContentFiltered: its filter stopped the prompt or the answer.
            CallFailed: see `map_finish_reason`.
        """
        if self._blocked is not None:
            detail = sanitize(self._detail, self._secret)
            raise ContentFiltered(
                VENDOR, f"the prompt was blocked ({self._blocked[:60]})", vendor_message=detail
            )
        if self._finish is None:
            raise build_incomplete(VENDOR)
        finish = map_finish_reason(
            VENDOR,
            self._finish,
            has_calls=bool(self._calls),
            detail=self._detail,
            secret=self._secret,
        )
        yield from self._calls
        yield from self._citations.values()
        replay = None
        if finish is FinishReason.TOOL_CALLS and self._parts:
            replay = ReasoningReplay(
                vendor=VENDOR, model=self._requested_model, blocks=tuple(self._parts)
            )
        yield Done(
            finish_reason=finish,
            vendor_finish_reason=self._finish,
            model=self._model,
            request_id=self._id or request_id,
            notes=notes,
            replay=replay,
        )

    def _parse(self, payload: object) -> Iterator[Event]:
        if isinstance(payload, list) and len(payload) == 1:  # an error that is not streamed
            payload = payload[0]
        if not isinstance(payload, Mapping):
            raise MalformedResponse(VENDOR, "a response is not an object")
        if "error" in payload:
            raise map_gemini_payload(payload, secret=self._secret)
        self._model = get_text(payload, "modelVersion") or self._model
        self._id = get_text(payload, "responseId") or self._id
        feedback = payload.get("promptFeedback") or {}
        if blocked := feedback.get("blockReason"):
            self._blocked = str(blocked)
            self._detail = get_text(feedback, "blockReasonMessage") or ""
        for candidate in payload.get("candidates") or ():
            yield from self._parse_candidate(candidate)
        if isinstance(usage := payload.get("usageMetadata"), Mapping):
            self._usage = merge_counts(self._usage, usage)
            yield _to_usage(self._usage, len(self._queries))

    def _parse_candidate(self, candidate: Mapping[str, Any]) -> Iterator[Event]:
        for part in (candidate.get("content") or {}).get("parts") or ():
            if self._keeps_parts:
                self._parts.append(part)
            yield from self._parse_part(part)
        grounding = candidate.get("groundingMetadata") or {}
        self._queries.update(map(str, grounding.get("webSearchQueries") or ()))
        for chunk in grounding.get("groundingChunks") or ():
            web = chunk.get("web") or {}
            if isinstance(uri := web.get("uri"), str):
                self._citations[uri] = Citation.build(uri, web.get("title"))
        if finish := candidate.get("finishReason"):
            self._finish = str(finish)
            self._detail = get_text(candidate, "finishMessage") or ""

    def _parse_part(self, part: Mapping[str, Any]) -> Iterator[Event]:
        if text := part.get("text"):
            yield ReasoningDelta(str(text)) if part.get("thought") else TextDelta(str(text))
        if called := part.get("functionCall"):
            index = len(self._calls)
            arguments = json.dumps(called.get("args") or {}, ensure_ascii=False)
            call = ToolCall(
                id=str(called.get("id") or f"call_{index}"),
                name=str(called["name"]),
                arguments=arguments,
            )
            self._calls.append(call)
            yield ToolCallDelta(index=index, id=call.id, name=call.name, arguments=arguments)


def _to_usage(raw: Mapping[str, Any], searches: int) -> TokenUsage:
    """Return disjoint counts: Gemini's prompt includes cached tokens, its output excludes thoughts.

    Zeros are absent, as in all JSON from protocol buffers.
    """
    prompt = _add(
        get_count(raw, "promptTokenCount"), get_count(raw, "toolUsePromptTokenCount", absent=0)
    )
    cached = get_count(raw, "cachedContentTokenCount", absent=0)
    thoughts = get_count(raw, "thoughtsTokenCount", absent=0)
    if prompt is not None and cached is not None:
        cached = min(cached, prompt)
    return TokenUsage(
        input=None if prompt is None or cached is None else prompt - cached,
        cached=cached,
        output=_add(get_count(raw, "candidatesTokenCount", absent=0), thoughts),
        reasoning=thoughts,
        searches=searches,
        raw=raw,
    )


def _add(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
