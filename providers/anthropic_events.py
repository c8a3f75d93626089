"""The events of one streamed Anthropic message, as ours."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
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
from providers.errors import ContentFiltered, ContextTooLong, MalformedResponse
from providers.failures import from_payload, incomplete

__all__ = ["MessageReader"]

VENDOR: Final = "anthropic"

_FINISHES: Final[Mapping[str, FinishReason]] = {
    "end_turn": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "pause_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "tool_use": FinishReason.TOOL_CALLS,
}


class MessageReader:
    """Reads `message_start` to `message_stop`. One per call."""

    def __init__(self, *, secret: str, asked: str = "", keeps_thinking: bool = False) -> None:
        """`keeps_thinking`: a tool loop may follow, in which it goes back signed and unchanged."""
        self._secret = secret
        self._asked = asked
        self._keeps_thinking = keeps_thinking
        self._thinking: dict[int, dict[str, Any]] = {}
        self._calls: dict[int, ToolCall] = {}
        self._raw_usage: dict[str, Any] = {}
        self._stop_reason: str | None = None
        self._stopped = False
        self._model: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether `message_stop` has come."""
        return self._stopped

    def read(self, payload: object) -> list[Event]:
        """The events of one decoded payload; kinds that we do not know are skipped.

        Raises:
            CallFailed: the payload is an error, or not a message's.
        """
        try:
            return self._read(payload)
        except (AttributeError, KeyError, TypeError) as error:  # an event of another shape
            raise MalformedResponse(VENDOR, "an event is not as documented") from error

    def _read(self, payload: object) -> list[Event]:
        if not isinstance(payload, dict):
            raise MalformedResponse(VENDOR, "an event is not an object")
        match payload.get("type"):
            case "message_start":
                message = _object(payload, "message")
                self._model = message.get("model")
                return list(self._usage(message))
            case "content_block_start":
                return list(self._block(_index(payload), _object(payload, "content_block")))
            case "content_block_delta":
                event = self._delta(_index(payload), _object(payload, "delta"))
                return [] if event is None else [event]
            case "content_block_stop":
                return list(self._call_at(_index(payload)))
            case "message_delta":
                self._stop_reason = _object(payload, "delta").get("stop_reason")
                return list(self._usage(payload))
            case "message_stop":
                self._stopped = True
            case "message":
                return list(self._whole(payload))
            case "error":
                raise from_payload(VENDOR, payload, secret=self._secret)
        return []

    def close(self, *, request_id: str | None, notes: tuple[str, ...]) -> Iterator[Event]:
        """The end of a whole answer.

        Raises:
            IncompleteStream: there was no `message_stop` or no stop reason.
            ContentFiltered: the model refused.
            ContextTooLong: the window was full before the answer was whole.
        """
        if not self._stopped or self._stop_reason is None:
            raise incomplete(VENDOR)
        if self._stop_reason == "refusal":
            raise ContentFiltered(VENDOR, "the model refused the request")
        if self._stop_reason == "model_context_window_exceeded":
            raise ContextTooLong(VENDOR, "the context window was full before the answer was whole")
        yield Done(
            finish_reason=_FINISHES.get(self._stop_reason, FinishReason.STOP),
            vendor_finish_reason=self._stop_reason,
            model=self._model,
            request_id=request_id,
            notes=notes,
            replay=self._replay(),
        )

    def _replay(self) -> Replay | None:
        if self._stop_reason != "tool_use" or not self._thinking:
            return None
        blocks = tuple(block for _, block in sorted(self._thinking.items()))
        return Replay(vendor=VENDOR, model=self._asked, blocks=blocks)

    def _whole(self, message: Mapping[str, Any]) -> Iterator[Event]:
        """A message that was not streamed."""
        self._model = message.get("model")
        for index, block in enumerate(message.get("content") or ()):
            yield from self._block(index, block)
            yield from self._call_at(index)
        yield from self._usage(message)
        self._stop_reason = message.get("stop_reason")
        self._stopped = True

    def _block(self, index: int, block: Mapping[str, Any]) -> Iterator[Event]:
        kind = block.get("type")
        if self._keeps_thinking and kind in {"thinking", "redacted_thinking"}:
            self._thinking[index] = dict(block)
        match kind:
            case "text" if block.get("text"):
                yield TextDelta(block["text"])
            case "thinking" if block.get("thinking"):
                yield ReasoningDelta(block["thinking"])
            case "tool_use":
                whole = json.dumps(block["input"]) if block.get("input") else ""
                yield self._call(index, str(block.get("id")), str(block.get("name")), whole)

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Event | None:
        match delta.get("type"):
            case "text_delta":
                return TextDelta(str(delta.get("text", "")))
            case "thinking_delta":
                thought = str(delta.get("thinking", ""))
                if (block := self._thinking.get(index)) is not None:
                    block["thinking"] = str(block.get("thinking", "")) + thought
                return ReasoningDelta(thought)
            case "signature_delta" if index in self._thinking:
                self._thinking[index]["signature"] = delta.get("signature")
            case "input_json_delta" if call := self._calls.get(index):
                return self._call(index, call.id, call.name, str(delta.get("partial_json", "")))
            case "citations_delta":
                citation = _object(delta, "citation")
                if isinstance(url := citation.get("url"), str):
                    return Citation(url=url, title=citation.get("title"))
        return None

    def _call(self, index: int, call_id: str, name: str, piece: str) -> ToolCallDelta:
        known = self._calls.get(index)
        arguments = (known.arguments if known else "") + piece
        self._calls[index] = ToolCall(id=call_id, name=name, arguments=arguments)
        return ToolCallDelta(index=index, id=call_id, name=name, arguments=piece)

    def _call_at(self, index: int) -> Iterator[ToolCall]:
        if call := self._calls.get(index):
            yield call if call.arguments else replace(call, arguments="{}")

    def _usage(self, holder: Mapping[str, Any]) -> Iterator[Usage]:
        """The start counts the prompt, the end counts everything again: later numbers win."""
        raw = holder.get("usage")
        if not isinstance(raw, Mapping):
            return
        self._raw_usage |= {name: value for name, value in raw.items() if value is not None}
        known = self._raw_usage
        output = _count(known, "output_tokens")
        thinking = _count(known.get("output_tokens_details") or {}, "thinking_tokens")
        yield Usage(
            input=_count(known, "input_tokens"),
            cached=_count(known, "cache_read_input_tokens"),
            cache_write=_count(known, "cache_creation_input_tokens"),
            output=output,
            reasoning=min(thinking, output),
            raw=dict(known),
        )


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise MalformedResponse(VENDOR, f"{holder.get('type')} without {name}")
    return value


def _index(payload: Mapping[str, Any]) -> int:
    value = payload.get("index")
    return value if isinstance(value, int) else 0


def _count(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name)
    return value if isinstance(value, int) and value > 0 else 0
