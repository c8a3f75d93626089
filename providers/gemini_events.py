"""The responses of one streamed Gemini answer, as our events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

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
from providers.errors import ContentFiltered, MalformedResponse, Overloaded
from providers.failures import incomplete
from providers.gemini_errors import from_gemini_payload
from providers.gemini_request import VENDOR

__all__ = ["ResponseReader"]

_FINISHES: Final[Mapping[str, FinishReason]] = {
    "CONTINUATION": FinishReason.LENGTH,
    "MAX_TOKENS": FinishReason.LENGTH,
    "STOP": FinishReason.STOP,
}
_FILTERED: Final = frozenset(
    {"BLOCKLIST", "IMAGE_SAFETY", "LANGUAGE", "PROHIBITED_CONTENT", "RECITATION", "SAFETY", "SPII"}
)
_BROKEN: Final = frozenset(
    {"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "TOO_MANY_TOOL_CALLS", "UNEXPECTED_TOOL_CALL"}
)


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
        except (AttributeError, KeyError, TypeError) as error:  # a response of another shape
            raise MalformedResponse(VENDOR, "a response is not as documented") from error

    def close(self, *, notes: tuple[str, ...]) -> Iterator[Event]:
        """The events that end a whole answer.

        Raises:
            IncompleteStream: the vendor gave no finish reason.
            ContentFiltered: its filter stopped the prompt or the answer.
            MalformedResponse: the model wrote a call that the vendor could not read.
            Overloaded: the vendor gave up.
        """
        if self._blocked is not None:
            raise ContentFiltered(VENDOR, f"the prompt was blocked ({self._blocked})")
        if self._finish is None:
            raise incomplete(VENDOR)
        if self._finish in _FILTERED:
            raise ContentFiltered(VENDOR, f"the answer was stopped ({self._finish})")
        if self._finish in _BROKEN:
            raise MalformedResponse(VENDOR, f"the model's tool call is unusable ({self._finish})")
        if self._finish not in _FINISHES:
            raise Overloaded(VENDOR, f"the vendor gave up ({self._finish})")
        yield from self._calls
        yield from self._citations.values()
        finish = _FINISHES[self._finish]
        if self._calls and finish is FinishReason.STOP:
            finish = FinishReason.TOOL_CALLS
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
        self._model = payload.get("modelVersion") or self._model
        self._id = payload.get("responseId") or self._id
        self._blocked = (payload.get("promptFeedback") or {}).get("blockReason") or self._blocked
        for candidate in payload.get("candidates") or ():
            yield from self._candidate(candidate)
        if usage := payload.get("usageMetadata"):
            yield _usage(usage)

    def _candidate(self, candidate: Mapping[str, Any]) -> Iterator[Event]:
        for part in (candidate.get("content") or {}).get("parts") or ():
            if self._keeps_parts:
                self._parts.append(part)
            yield from self._part(part)
        for chunk in (candidate.get("groundingMetadata") or {}).get("groundingChunks") or ():
            web = chunk.get("web") or {}
            if isinstance(uri := web.get("uri"), str):
                self._citations[uri] = Citation(url=uri, title=web.get("title"))
        self._finish = candidate.get("finishReason") or self._finish

    def _part(self, part: Mapping[str, Any]) -> Iterator[Event]:
        if text := part.get("text"):
            yield ReasoningDelta(str(text)) if part.get("thought") else TextDelta(str(text))
        if called := part.get("functionCall"):
            index = len(self._calls)
            arguments = json.dumps(called.get("args") or {}, ensure_ascii=False)
            call = ToolCall(
                id=called.get("id") or f"call_{index}", name=called["name"], arguments=arguments
            )
            self._calls.append(call)
            yield ToolCallDelta(index=index, id=call.id, name=call.name, arguments=arguments)


def _usage(raw: Mapping[str, Any]) -> Usage:
    """Disjoint parts: here the prompt includes what was cached, and thoughts are counted apart."""
    prompt = _count(raw, "promptTokenCount") + _count(raw, "toolUsePromptTokenCount")
    cached = min(_count(raw, "cachedContentTokenCount"), prompt)
    thoughts = _count(raw, "thoughtsTokenCount")
    return Usage(
        input=prompt - cached,
        cached=cached,
        output=_count(raw, "candidatesTokenCount") + thoughts,
        reasoning=thoughts,
        raw=dict(raw),
    )


def _count(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name)
    return value if isinstance(value, int) and value > 0 else 0
