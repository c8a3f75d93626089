"""The responses of one streamed Gemini answer, as our events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from providers.adapters.finish_reasons import read_finish
from providers.adapters.gemini.errors import from_gemini_payload
from providers.adapters.gemini.request import VENDOR
from providers.adapters.http.error_mapping import UNREADABLE, incomplete, safe_text
from providers.adapters.payload import text_in
from providers.adapters.token_counts import count, merged
from providers.chat import (
    Citation,
    Done,
    Event,
    FinishReason,
    ReasoningDelta,
    Replay,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from providers.errors import ContentFiltered, MalformedResponse

__all__ = ["ResponseReader"]


class ResponseReader:
    """Reads responses until one has a finish reason. One per call."""

    def __init__(self, *, model: str, secret: str, keeps_parts: bool) -> None:
        """`keeps_parts`: a tool loop may follow, which needs the parts back as they came."""
        self._asked = model
        self._secret = secret
        self._keeps_parts = keeps_parts
        self._parts: list[Mapping[str, Any]] = []
        self._calls: list[ToolCall] = []
        self._citations: dict[str, Citation] = {}
        self._finish: str | None = None
        self._blocked: str | None = None
        self._explained = ""
        """What the vendor says about a blocked prompt, or about the end."""
        self._usage: Mapping[str, Any] = {}
        self._model: str | None = None
        self._id: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the vendor gave a finish reason."""
        return self._finish is not None

    def read(self, payload: object) -> Iterator[Event]:
        """The events of one decoded response.

        Raises:
            CallFailed: the payload is an error, or not a response.
        """
        try:
            yield from self._read(payload)
        except UNREADABLE as error:  # a response of another shape
            raise MalformedResponse(VENDOR, "a response is not as documented") from error

    def close(self, *, notes: tuple[str, ...]) -> Iterator[Event]:
        """The events that end a whole answer.

        Raises:
            IncompleteStream: the vendor gave no finish reason.
            ContentFiltered: its filter stopped the prompt or the answer.
            CallFailed: the finish reason is no good one; see `read_finish`.
        """
        if self._blocked is not None:
            said = safe_text(self._explained, self._secret)
            raise ContentFiltered(
                VENDOR, f"the prompt was blocked ({self._blocked[:60]})", vendor_message=said
            )
        if self._finish is None:
            raise incomplete(VENDOR)
        finish = read_finish(
            VENDOR,
            self._finish,
            called=bool(self._calls),
            said=self._explained,
            secret=self._secret,
        )
        yield from self._calls
        yield from self._citations.values()
        replay = None
        if finish is FinishReason.TOOL_CALLS and self._parts:
            replay = Replay(vendor=VENDOR, model=self._asked, blocks=tuple(self._parts))
        yield Done(
            finish_reason=finish,
            vendor_finish_reason=self._finish,
            model=self._model,
            request_id=self._id,
            notes=notes,
            replay=replay,
        )

    def _read(self, payload: object) -> Iterator[Event]:
        if isinstance(payload, list) and len(payload) == 1:  # an error that is not streamed
            payload = payload[0]
        if not isinstance(payload, Mapping):
            raise MalformedResponse(VENDOR, "a response is not an object")
        if "error" in payload:
            raise from_gemini_payload(payload, secret=self._secret)
        self._model = text_in(payload, "modelVersion") or self._model
        self._id = text_in(payload, "responseId") or self._id
        feedback = payload.get("promptFeedback") or {}
        if blocked := feedback.get("blockReason"):
            self._blocked = str(blocked)
            self._explained = text_in(feedback, "blockReasonMessage") or ""
        for candidate in payload.get("candidates") or ():
            yield from self._candidate(candidate)
        if isinstance(usage := payload.get("usageMetadata"), Mapping):
            self._usage = merged(self._usage, usage)
            yield _usage(self._usage)

    def _candidate(self, candidate: Mapping[str, Any]) -> Iterator[Event]:
        for part in (candidate.get("content") or {}).get("parts") or ():
            if self._keeps_parts:
                self._parts.append(part)
            yield from self._part(part)
        for chunk in (candidate.get("groundingMetadata") or {}).get("groundingChunks") or ():
            web = chunk.get("web") or {}
            if isinstance(uri := web.get("uri"), str):
                self._citations[uri] = Citation.of(uri, web.get("title"))
        if finish := candidate.get("finishReason"):
            self._finish = str(finish)
            self._explained = text_in(candidate, "finishMessage") or ""

    def _part(self, part: Mapping[str, Any]) -> Iterator[Event]:
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


def _usage(raw: Mapping[str, Any]) -> Usage:
    """Disjoint parts: here the prompt includes what was cached, and thoughts are counted apart.

    What is 0 is left out, as in all JSON that is made of protocol buffers.
    """
    prompt = _sum(count(raw, "promptTokenCount"), count(raw, "toolUsePromptTokenCount", absent=0))
    cached = count(raw, "cachedContentTokenCount", absent=0)
    thoughts = count(raw, "thoughtsTokenCount", absent=0)
    if prompt is not None and cached is not None:
        cached = min(cached, prompt)
    return Usage(
        input=None if prompt is None or cached is None else prompt - cached,
        cached=cached,
        output=_sum(count(raw, "candidatesTokenCount", absent=0), thoughts),
        reasoning=thoughts,
        raw=raw,
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
