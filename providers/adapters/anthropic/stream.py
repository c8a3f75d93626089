"""Parser of streamed Anthropic messages."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from providers.adapters.finish_reasons import map_finish_reason
from providers.adapters.http.error_mapping import (
    MAX_MESSAGE_LENGTH,
    PARSE_ERRORS,
    build_incomplete,
    map_payload,
)
from providers.adapters.payload import (
    get_count,
    get_mapping,
    get_text,
    limit_part,
    merge_counts,
    parse_object,
)
from providers.chat import (
    Citation,
    Done,
    Event,
    ReasoningDelta,
    ReasoningReplay,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from providers.errors import MalformedResponse

_PIECES: Final = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
}
_PAUSE: Final = "pause_turn"
"""Reason for a stop in the middle of the vendor's own tools, as its web search."""
MAX_PAUSES: Final = 10
_GROWING: Final = {
    "text": "text",
    "thinking": "thinking",
    "tool_use": "input",
    "server_tool_use": "input",
}
"""The field of each kind of block that the pieces add up to."""


@dataclass(frozen=True, slots=True)
class _Call:
    id: str
    name: str
    pieces: list[str] = field(default_factory=list)


class AnthropicStreamParser:
    """Turns the payloads of one message into events. One per call."""

    def __init__(
        self,
        *,
        vendor: str,
        secret: str,
        model: str = "",
        keeps_blocks: bool = False,
        after: "AnthropicStreamParser | None" = None,
    ) -> None:
        """Create a parser; `keeps_blocks` keeps what must be sent back.

        `after` has parsed the message that this one goes on with.
        """
        self._vendor = vendor
        self._secret = secret
        self._requested_model = model
        self._keeps_blocks = keeps_blocks
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[int, list[str]] = {}
        """The deltas of each block."""
        self._calls: dict[int, _Call] = {}
        self._usage_so_far: Mapping[str, Any] = {}
        self._stop_reason: str | None = None
        self._stop_details: Mapping[str, Any] = {}
        self._beginning = ""
        """The beginning of the text, which explains a refusal if the vendor does not."""
        self._stopped = False
        self._model: str | None = None
        self._before = [] if after is None else after.list_blocks()
        self._used = None if after is None else after.usage
        self._pauses = 0 if after is None else after.count_pauses()
        self.usage: TokenUsage | None = self._used
        """With that of the messages before."""

    @property
    def is_finished(self) -> bool:
        """Whether `message_stop` was received."""
        return self._stopped

    @property
    def is_paused(self) -> bool:
        """Whether the vendor has paused the message, so that it must be sent back to go on."""
        is_kept = self._keeps_blocks and bool(self._blocks)
        return self._stop_reason == _PAUSE and is_kept and self._pauses < MAX_PAUSES

    def count_pauses(self) -> int:
        """Return how often it was paused, this message included."""
        return self._pauses + 1

    def list_blocks(self) -> list[dict[str, Any]]:
        """Return the blocks as they must be sent back, with those of the messages before."""
        blocks = [self._complete_block(index) for index in sorted(self._blocks)]
        return [*self._before, *(block for block in blocks if block.get("text") != "")]

    def parse(self, payload: object) -> list[Event]:
        """Return the events of one decoded payload; unknown types are skipped.

        Raises:
            CallFailed: the payload is an error, or not part of a message.
        """
        try:
            return self._parse(payload)
        except PARSE_ERRORS as error:
            raise MalformedResponse(self._vendor, "an event is not as documented") from error

    def _parse(self, payload: object) -> list[Event]:
        if not isinstance(payload, dict):
            raise MalformedResponse(self._vendor, "an event is not an object")
        match payload.get("type"):
            case "message_start":
                message = self._get_object(payload, "message")
                self._model = get_text(message, "model")
                return list(self._parse_usage(message))
            case "content_block_start":
                return list(
                    self._start_block(
                        _get_index(payload), self._get_object(payload, "content_block")
                    )
                )
            case "content_block_delta":
                event = self._parse_delta(_get_index(payload), self._get_object(payload, "delta"))
                return [] if event is None else [event]
            case "content_block_stop":
                return list(self._finish_call(_get_index(payload)))
            case "message_delta":
                self._set_stop_reason(self._get_object(payload, "delta"))
                return list(self._parse_usage(payload))
            case "message_stop":
                self._stopped = True
            case "message":
                return list(self._parse_message(payload))
            case "error":
                raise map_payload(self._vendor, payload, secret=self._secret)
        return []

    def close(self, *, request_id: str | None, notes: tuple[str, ...]) -> Iterator[Event]:
        """Yield the event that ends the answer, unless it is paused.

        Raises:
            IncompleteStream: there was no `message_stop` or no stop reason.
            CallFailed: see `map_finish_reason`.
        """
        if not self._stopped or self._stop_reason is None:
            raise build_incomplete(self._vendor)
        if self.is_paused:
            return
        yield Done(
            finish_reason=map_finish_reason(
                self._vendor,
                self._stop_reason,
                has_calls=bool(self._calls),
                detail=get_text(self._stop_details, "explanation") or self._beginning,
                secret=self._secret,
            ),
            vendor_finish_reason=self._stop_reason,
            model=self._model,
            request_id=request_id,
            notes=notes,
            replay=self._build_replay(),
        )

    def _build_replay(self) -> ReasoningReplay | None:
        """Return all blocks if some are neither text nor calls: reasoning, or the vendor's search.

        Reasoning is bound to what surrounds it, so they go back together.
        """
        if self._stop_reason != "tool_use":
            return None
        blocks = self.list_blocks()
        if all(block.get("type") in {"text", "tool_use"} for block in blocks):
            return None
        model = self._requested_model
        return ReasoningReplay(vendor=self._vendor, model=model, blocks=tuple(blocks))

    def _complete_block(self, index: int) -> dict[str, Any]:
        block, added = self._blocks[index], "".join(self._pieces.get(index, ()))
        field = _GROWING.get(str(block.get("type")))
        if not added or field is None:
            return block
        if field == "input":
            return {**block, field: parse_object(added)}
        return {**block, field: str(block.get(field, "")) + added}

    def _parse_message(self, message: Mapping[str, Any]) -> Iterator[Event]:
        """Yield the events of a message that was not streamed."""
        self._model = get_text(message, "model")
        for index, block in enumerate(message.get("content") or ()):
            yield from self._start_block(index, block)
            yield from self._finish_call(index)
        yield from self._parse_usage(message)
        self._set_stop_reason(message)
        self._stopped = True

    def _set_stop_reason(self, holder: Mapping[str, Any]) -> None:
        reason = holder.get("stop_reason")
        self._stop_reason = None if reason is None else str(reason)
        self._stop_details = get_mapping(holder, "stop_details")

    def _build_text_delta(self, text: object) -> TextDelta:
        piece = str(text)
        if len(self._beginning) < MAX_MESSAGE_LENGTH:
            self._beginning += piece[:MAX_MESSAGE_LENGTH]
        return TextDelta(piece)

    def _start_block(self, index: int, block: Mapping[str, Any]) -> Iterator[Event]:
        kind = block.get("type")
        if self._keeps_blocks:
            self._blocks[index] = dict(block)
        for citation in block.get("citations") or ():  # of an answer that was not streamed
            yield from _build_citation(citation)
        match kind:
            case "text" if block.get("text"):
                yield self._build_text_delta(block["text"])
            case "thinking" if block.get("thinking"):
                yield ReasoningDelta(str(block["thinking"]))
            case "tool_use":
                whole = json.dumps(block["input"]) if block.get("input") else ""
                yield self._add_to_call(index, str(block.get("id")), str(block.get("name")), whole)

    def _parse_delta(self, index: int, delta: Mapping[str, Any]) -> Event | None:
        kind = str(delta.get("type"))
        if index in self._blocks and kind in _PIECES:
            self._pieces.setdefault(index, []).append(str(delta.get(_PIECES[kind], "")))
        match kind:
            case "text_delta":
                return self._build_text_delta(delta.get("text", ""))
            case "thinking_delta":
                return ReasoningDelta(str(delta.get("thinking", "")))
            case "signature_delta" if index in self._blocks:
                self._blocks[index]["signature"] = delta.get("signature")
            case "input_json_delta" if call := self._calls.get(index):
                return self._add_to_call(
                    index, call.id, call.name, str(delta.get("partial_json", ""))
                )
            case "citations_delta":
                citation = self._get_object(delta, "citation")
                if index in self._blocks:
                    known = self._blocks[index].get("citations") or []
                    self._blocks[index]["citations"] = [*known, citation]
                return next(_build_citation(citation), None)
        return None

    def _add_to_call(self, index: int, call_id: str, name: str, piece: str) -> ToolCallDelta:
        self._calls.setdefault(index, _Call(call_id, name)).pieces.append(piece)
        return ToolCallDelta(index=index, id=call_id, name=name, arguments=piece)

    def _finish_call(self, index: int) -> Iterator[ToolCall]:
        if call := self._calls.get(index):
            arguments = "".join(call.pieces)
            yield ToolCall(id=call.id, name=call.name, arguments=arguments or "{}")

    def _get_object(self, holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = holder.get(name)
        if not isinstance(value, dict):
            raise MalformedResponse(self._vendor, f"{holder.get('type')} without {name}")
        return value

    def _parse_usage(self, holder: Mapping[str, Any]) -> Iterator[TokenUsage]:
        """Yield the usage so far: the first event counts the prompt, the last one everything."""
        raw = holder.get("usage")
        if not isinstance(raw, Mapping):
            return
        known = self._usage_so_far = merge_counts(self._usage_so_far, raw)
        output = get_count(known, "output_tokens")
        thinking = get_count(
            get_mapping(known, "output_tokens_details"), "thinking_tokens", absent=0
        )
        usage = TokenUsage(
            input=get_count(known, "input_tokens"),
            cached=get_count(known, "cache_read_input_tokens", absent=0),
            cache_write=get_count(known, "cache_creation_input_tokens", absent=0),
            output=output,
            reasoning=limit_part(thinking, output),
            searches=get_count(get_mapping(known, "server_tool_use"), "web_search_requests") or 0,
            raw=known,
        )
        self.usage = usage if self._used is None else self._used.add(usage)
        yield self.usage


def _build_citation(citation: Mapping[str, Any]) -> Iterator[Citation]:
    if isinstance(url := citation.get("url"), str):
        yield Citation.build(url, citation.get("title"))


def _get_index(payload: Mapping[str, Any]) -> int:
    value = payload.get("index")
    return value if isinstance(value, int) else 0
