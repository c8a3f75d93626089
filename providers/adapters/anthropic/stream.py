"""Parser of streamed Anthropic messages."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.adapters.finish_reasons import map_finish_reason
from providers.adapters.http.error_mapping import (
    MAX_MESSAGE_LENGTH,
    PARSE_ERRORS,
    build_incomplete,
    map_payload,
)
from providers.adapters.payload import get_count, get_mapping, get_text, limit_part, merge_counts
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


@dataclass(frozen=True, slots=True)
class _Call:
    id: str
    name: str
    pieces: list[str] = field(default_factory=list)


class AnthropicStreamParser:
    """Turns the payloads of one message into events. One per call."""

    def __init__(
        self, *, vendor: str, secret: str, model: str = "", keeps_thinking: bool = False
    ) -> None:
        """Create a parser; `keeps_thinking` keeps the signed reasoning for a tool loop."""
        self._vendor = vendor
        self._secret = secret
        self._requested_model = model
        self._keeps_thinking = keeps_thinking
        self._thinking: dict[int, dict[str, Any]] = {}
        self._thoughts: dict[int, list[str]] = {}
        """The deltas of each block of reasoning."""
        self._calls: dict[int, _Call] = {}
        self._usage_so_far: Mapping[str, Any] = {}
        self._stop_reason: str | None = None
        self._stop_details: Mapping[str, Any] = {}
        self._beginning = ""
        """The beginning of the text, which explains a refusal if the vendor does not."""
        self._stopped = False
        self._model: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether `message_stop` was received."""
        return self._stopped

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
        """Yield the event that ends the answer.

        Raises:
            IncompleteStream: there was no `message_stop` or no stop reason.
            CallFailed: see `map_finish_reason`.
        """
        if not self._stopped or self._stop_reason is None:
            raise build_incomplete(self._vendor)
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
        if self._stop_reason != "tool_use" or not self._thinking:
            return None
        for index, thoughts in self._thoughts.items():
            block = self._thinking[index]
            block["thinking"] = str(block.get("thinking", "")) + "".join(thoughts)
        blocks = tuple(block for _, block in sorted(self._thinking.items()))
        return ReasoningReplay(vendor=self._vendor, model=self._requested_model, blocks=blocks)

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
        if self._keeps_thinking and kind in {"thinking", "redacted_thinking"}:
            self._thinking[index] = dict(block)
        match kind:
            case "text" if block.get("text"):
                yield self._build_text_delta(block["text"])
            case "thinking" if block.get("thinking"):
                yield ReasoningDelta(str(block["thinking"]))
            case "tool_use":
                whole = json.dumps(block["input"]) if block.get("input") else ""
                yield self._add_to_call(index, str(block.get("id")), str(block.get("name")), whole)

    def _parse_delta(self, index: int, delta: Mapping[str, Any]) -> Event | None:
        match delta.get("type"):
            case "text_delta":
                return self._build_text_delta(delta.get("text", ""))
            case "thinking_delta":
                thought = str(delta.get("thinking", ""))
                if index in self._thinking:
                    self._thoughts.setdefault(index, []).append(thought)
                return ReasoningDelta(thought)
            case "signature_delta" if index in self._thinking:
                self._thinking[index]["signature"] = delta.get("signature")
            case "input_json_delta" if call := self._calls.get(index):
                return self._add_to_call(
                    index, call.id, call.name, str(delta.get("partial_json", ""))
                )
            case "citations_delta":
                citation = self._get_object(delta, "citation")
                if isinstance(url := citation.get("url"), str):
                    return Citation.build(url, citation.get("title"))
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
        yield TokenUsage(
            input=get_count(known, "input_tokens"),
            cached=get_count(known, "cache_read_input_tokens", absent=0),
            cache_write=get_count(known, "cache_creation_input_tokens", absent=0),
            output=output,
            reasoning=limit_part(thinking, output),
            raw=known,
        )


def _get_index(payload: Mapping[str, Any]) -> int:
    value = payload.get("index")
    return value if isinstance(value, int) else 0
