"""The events of one streamed Anthropic message, as ours."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.adapters.finish_reasons import read_finish
from providers.adapters.http.error_mapping import LONGEST, UNREADABLE, from_payload, incomplete
from providers.adapters.payload import text_in
from providers.adapters.token_counts import at_most, count, details, merged
from providers.chat import (
    Citation,
    Done,
    Event,
    ReasoningDelta,
    Replay,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from providers.errors import MalformedResponse

__all__ = ["MessageReader"]


@dataclass(frozen=True, slots=True)
class _Call:
    id: str
    name: str
    pieces: list[str] = field(default_factory=list)


class MessageReader:
    """Reads `message_start` to `message_stop`. One per call."""

    def __init__(
        self, *, vendor: str, secret: str, asked: str = "", keeps_thinking: bool = False
    ) -> None:
        """`keeps_thinking`: a tool loop may follow, in which it goes back signed and unchanged."""
        self._vendor = vendor
        self._secret = secret
        self._asked = asked
        self._keeps_thinking = keeps_thinking
        self._thinking: dict[int, dict[str, Any]] = {}
        self._thoughts: dict[int, list[str]] = {}
        """What came after the beginning of each block of thinking."""
        self._calls: dict[int, _Call] = {}
        self._usage_so_far: Mapping[str, Any] = {}
        self._stop_reason: str | None = None
        self._stop_details: Mapping[str, Any] = {}
        self._beginning = ""
        """The first words of the text, which explain a refusal where the vendor does not."""
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
        except UNREADABLE as error:  # an event of another shape
            raise MalformedResponse(self._vendor, "an event is not as documented") from error

    def _read(self, payload: object) -> list[Event]:
        if not isinstance(payload, dict):
            raise MalformedResponse(self._vendor, "an event is not an object")
        match payload.get("type"):
            case "message_start":
                message = self._object(payload, "message")
                self._model = text_in(message, "model")
                return list(self._usage(message))
            case "content_block_start":
                return list(self._block(_index(payload), self._object(payload, "content_block")))
            case "content_block_delta":
                event = self._delta(_index(payload), self._object(payload, "delta"))
                return [] if event is None else [event]
            case "content_block_stop":
                return list(self._call_at(_index(payload)))
            case "message_delta":
                self._end(self._object(payload, "delta"))
                return list(self._usage(payload))
            case "message_stop":
                self._stopped = True
            case "message":
                return list(self._whole(payload))
            case "error":
                raise from_payload(self._vendor, payload, secret=self._secret)
        return []

    def close(self, *, request_id: str | None, notes: tuple[str, ...]) -> Iterator[Event]:
        """The end of a whole answer.

        Raises:
            IncompleteStream: there was no `message_stop` or no stop reason.
            CallFailed: the stop reason is no good one; see `read_finish`.
        """
        if not self._stopped or self._stop_reason is None:
            raise incomplete(self._vendor)
        yield Done(
            finish_reason=read_finish(
                self._vendor,
                self._stop_reason,
                called=bool(self._calls),
                said=text_in(self._stop_details, "explanation") or self._beginning,
                secret=self._secret,
            ),
            vendor_finish_reason=self._stop_reason,
            model=self._model,
            request_id=request_id,
            notes=notes,
            replay=self._replay(),
        )

    def _replay(self) -> Replay | None:
        if self._stop_reason != "tool_use" or not self._thinking:
            return None
        for index, thoughts in self._thoughts.items():
            block = self._thinking[index]
            block["thinking"] = str(block.get("thinking", "")) + "".join(thoughts)
        blocks = tuple(block for _, block in sorted(self._thinking.items()))
        return Replay(vendor=self._vendor, model=self._asked, blocks=blocks)

    def _whole(self, message: Mapping[str, Any]) -> Iterator[Event]:
        """A message that was not streamed."""
        self._model = text_in(message, "model")
        for index, block in enumerate(message.get("content") or ()):
            yield from self._block(index, block)
            yield from self._call_at(index)
        yield from self._usage(message)
        self._end(message)
        self._stopped = True

    def _end(self, holder: Mapping[str, Any]) -> None:
        reason = holder.get("stop_reason")
        self._stop_reason = None if reason is None else str(reason)
        details = holder.get("stop_details")
        self._stop_details = details if isinstance(details, Mapping) else {}

    def _say(self, text: object) -> TextDelta:
        said = str(text)
        if len(self._beginning) < LONGEST:
            self._beginning += said[:LONGEST]
        return TextDelta(said)

    def _block(self, index: int, block: Mapping[str, Any]) -> Iterator[Event]:
        kind = block.get("type")
        if self._keeps_thinking and kind in {"thinking", "redacted_thinking"}:
            self._thinking[index] = dict(block)
        match kind:
            case "text" if block.get("text"):
                yield self._say(block["text"])
            case "thinking" if block.get("thinking"):
                yield ReasoningDelta(str(block["thinking"]))
            case "tool_use":
                whole = json.dumps(block["input"]) if block.get("input") else ""
                yield self._call(index, str(block.get("id")), str(block.get("name")), whole)

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Event | None:
        match delta.get("type"):
            case "text_delta":
                return self._say(delta.get("text", ""))
            case "thinking_delta":
                thought = str(delta.get("thinking", ""))
                if index in self._thinking:
                    self._thoughts.setdefault(index, []).append(thought)
                return ReasoningDelta(thought)
            case "signature_delta" if index in self._thinking:
                self._thinking[index]["signature"] = delta.get("signature")
            case "input_json_delta" if call := self._calls.get(index):
                return self._call(index, call.id, call.name, str(delta.get("partial_json", "")))
            case "citations_delta":
                citation = self._object(delta, "citation")
                if isinstance(url := citation.get("url"), str):
                    return Citation.of(url, citation.get("title"))
        return None

    def _call(self, index: int, call_id: str, name: str, piece: str) -> ToolCallDelta:
        self._calls.setdefault(index, _Call(call_id, name)).pieces.append(piece)
        return ToolCallDelta(index=index, id=call_id, name=name, arguments=piece)

    def _call_at(self, index: int) -> Iterator[ToolCall]:
        if call := self._calls.get(index):
            arguments = "".join(call.pieces)
            yield ToolCall(id=call.id, name=call.name, arguments=arguments or "{}")

    def _object(self, holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = holder.get(name)
        if not isinstance(value, dict):
            raise MalformedResponse(self._vendor, f"{holder.get('type')} without {name}")
        return value

    def _usage(self, holder: Mapping[str, Any]) -> Iterator[Usage]:
        """The start counts the prompt, the end counts everything again: later numbers win."""
        raw = holder.get("usage")
        if not isinstance(raw, Mapping):
            return
        known = self._usage_so_far = merged(self._usage_so_far, raw)
        output = count(known, "output_tokens")
        thinking = count(details(known, "output_tokens_details"), "thinking_tokens", absent=0)
        yield Usage(
            input=count(known, "input_tokens"),
            cached=count(known, "cache_read_input_tokens", absent=0),
            cache_write=count(known, "cache_creation_input_tokens", absent=0),
            output=output,
            reasoning=at_most(thinking, output),
            raw=known,
        )


def _index(payload: Mapping[str, Any]) -> int:
    value = payload.get("index")
    return value if isinstance(value, int) else 0
