"""Parser of the lines that Ollama answers."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from providers.adapters.finish_reasons import map_finish_reason
from providers.adapters.http.error_mapping import PARSE_ERRORS, build_incomplete
from providers.adapters.ollama.errors import map_ollama_payload
from providers.adapters.payload import get_count, get_text, merge_counts
from providers.chat import (
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
from providers.errors import ContextTooLong, MalformedResponse

_STORED: Final = (
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
    "load_duration",
    "total_duration",
)
"""Counts, and nanoseconds."""


class OllamaStreamParser:
    """Turns the lines of one answer into events. One per call."""

    def __init__(self, vendor: str, *, model: str, secret: str, keeps_reasoning: bool) -> None:
        """Create a parser; `keeps_reasoning` keeps the reasoning for a tool loop."""
        self._vendor = vendor
        self._requested_model = model
        self._secret = secret
        self._keeps_reasoning = keeps_reasoning
        self._reasoning: list[str] = []
        self._calls: list[ToolCall] = []
        self._finish: str | None = None
        self._usage: Mapping[str, Any] = {}
        self._thinks = False
        self._model: str | None = None
        self.context: int | None = None
        """The context that was requested."""
        self.notes: tuple[str, ...] = ()
        """Notes about the request, which come with the end of the answer."""

    @property
    def is_finished(self) -> bool:
        """Whether the last line has come."""
        return self._finish is not None

    def parse(self, payload: object) -> Iterator[Event]:
        """Yield the events of one line.

        Raises:
            CallFailed: the line is an error, or not one of an answer.
        """
        try:
            yield from self._parse(payload)
        except PARSE_ERRORS as error:
            raise MalformedResponse(self._vendor, "a line is not as documented") from error

    def close(self, *, notes: tuple[str, ...], request_id: str | None = None) -> Iterator[Event]:
        """Yield the events that end the answer.

        Raises:
            IncompleteStream: the last line has not come.
            ContextTooLong: the prompt filled the context, so that its beginning was dropped.
            CallFailed: see `map_finish_reason`.
        """
        if self._finish is None:
            raise build_incomplete(self._vendor)
        finish = map_finish_reason(
            self._vendor, self._finish, has_calls=bool(self._calls), secret=self._secret
        )
        prompt = get_count(self._usage, "prompt_eval_count")
        if prompt is not None and self.context is not None and prompt >= self.context:
            raise ContextTooLong(
                self._vendor,
                f"the prompt was cut to {self.context} tokens, without which the answer was made",
            )
        yield from self._calls
        replay = None
        if finish is FinishReason.TOOL_CALLS and self._reasoning:
            replay = ReasoningReplay(
                vendor=self._vendor,
                model=self._requested_model,
                blocks=({"thinking": "".join(self._reasoning)},),
            )
        yield Done(
            finish_reason=finish,
            vendor_finish_reason=self._finish,
            model=self._model,
            request_id=request_id,
            notes=(*self.notes, *notes),
            replay=replay,
        )

    def _parse(self, payload: object) -> Iterator[Event]:
        if not isinstance(payload, Mapping):
            raise MalformedResponse(self._vendor, "a line is not an object")
        if payload.get("error"):
            raise map_ollama_payload(self._vendor, payload, secret=self._secret)
        self._model = get_text(payload, "model") or self._model
        message = payload.get("message")
        if isinstance(message, Mapping):
            yield from self._parse_message(message)
        if payload.get("done") is True:
            self._finish = get_text(payload, "done_reason") or "stop"
            counts = {name: payload[name] for name in _STORED if name in payload}
            self._usage = merge_counts(self._usage, counts)
            yield self._count_tokens()

    def _parse_message(self, message: Mapping[str, Any]) -> Iterator[Event]:
        if thought := get_text(message, "thinking"):
            self._thinks = True
            if self._keeps_reasoning:
                self._reasoning.append(thought)
            yield ReasoningDelta(thought)
        if text := get_text(message, "content"):
            yield TextDelta(text)
        for called in message.get("tool_calls") or ():
            function = called["function"]
            index = len(self._calls)
            call = ToolCall(
                id=get_text(called, "id") or f"call_{index}",
                name=str(function["name"]),
                arguments=_write_arguments(function.get("arguments")),
            )
            self._calls.append(call)
            yield ToolCallDelta(index=index, id=call.id, name=call.name, arguments=call.arguments)

    def _count_tokens(self) -> TokenUsage:
        """Return the counts; the tokens of the reasoning are among those of the answer."""
        return TokenUsage(
            input=get_count(self._usage, "prompt_eval_count"),
            output=get_count(self._usage, "eval_count", absent=0),
            reasoning=None if self._thinks else 0,
            raw=self._usage,
        )


def _write_arguments(value: object) -> str:
    """Return arguments as JSON; text, from other servers with this API, stays as it is."""
    if isinstance(value, str):
        return value
    return json.dumps({} if value is None else value, ensure_ascii=False)
