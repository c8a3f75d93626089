"""Answers of open models: their reasoning, text and calls, wherever the server left them."""

import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from providers import tool_calls
from providers.adapters.answer_check import LONGEST_ANSWER
from providers.chat import (
    STRUCTURED,
    CallRejection,
    ChatRequest,
    Done,
    Event,
    FinishReason,
    ReasoningDelta,
    TextCalls,
    TextDelta,
    TextWasThinking,
    Tool,
    ToolCall,
    ToolCallDelta,
)
from providers.errors import LostAnswer
from providers.tool_calls.messages import Reason

NOTE_RESCUED: Final = "the server could not read this answer, which was read from its error message"
_TEXT: Final = "text"
"""The form of calls in a text that were rejected."""
_FILLED_ID: Final = re.compile(r"call_\d+")
"""What parsers put in the place of an id that is missing."""
_SENTENCES: Final = {
    "unknown_tool": "No such tool is offered: {}",
    "schema": "The arguments do not fit the schema of the tool: {}",
    "malformed": "The call cannot be read: {}",
    "truncated": "The call is cut off: {}",
}


async def read_model_answer(
    events: AsyncGenerator[Event, None], request: ChatRequest
) -> AsyncGenerator[Event, None]:
    """Yield the events of an adapter with reasoning, text and calls told apart.

    Calls come right before `Done`, since all before a closing tag of reasoning belongs to it.
    """
    reader = AnswerReader(request)
    async with aclosing(events):
        async for event in events:
            for each in reader.feed(event):
                yield each


class AnswerReader:
    """Reads the events of one answer. Without `request.text_calls` it only separates reasoning."""

    def __init__(self, request: ChatRequest) -> None:
        how = request.text_calls
        tools: list[Any] = []
        if how is not None and request.tool_choice != "none":
            tools = [_describe(tool) for tool in request.tools]
        self._checker = tool_calls.CallChecker(tools) if tools else None
        how = how or TextCalls()
        self._text = tool_calls.Extractor(
            tools, family=how.family, prefix=how.prefix, has_calls=bool(tools)
        )
        self._request = request
        self._raw: list[str] = []
        self._length = 0
        self._found: list[tool_calls.ToolCall | tool_calls.Rejected] = []
        self._structured: list[ToolCall] = []
        self._begun: dict[str, str] = {}
        """Names of structured calls that have arguments, by id."""
        self._thinks_apart = False
        """Whether the server sends the reasoning in a field of its own."""
        self._has_reasoning = False

    def feed(self, event: Event) -> Iterable[Event]:
        """Return the events that are known after one of the adapter."""
        if isinstance(event, TextDelta):
            self._raw.append(event.text)
            self._length += len(event.text)
            if self._length > LONGEST_ANSWER:  # `check_answer` refuses it, so nothing is held back
                return (TextDelta("".join(self._raw)),)
            return self._convert(self._text.feed(event.text))
        if isinstance(event, ReasoningDelta):
            if not self._thinks_apart:
                self._thinks_apart = True
                self._text.drop_prefix()
            return (event,)
        if self._checker is not None:
            if isinstance(event, ToolCallDelta):
                if event.arguments:
                    self._begun[event.id] = event.name
            elif isinstance(event, ToolCall):
                self._structured.append(event)
                return ()
        return self._end(event) if isinstance(event, Done) else (event,)

    def rescue(self, lost: LostAnswer) -> list[Event]:
        """Return the rest of an answer that an error quotes; nothing if it is of no use.

        The reader is spent then.
        """
        text, read = lost.text, "".join(self._raw)
        if not text or self._structured or not text.startswith(read * lost.is_whole):
            return []
        was_begun = bool(read) or self._thinks_apart
        done = Done(
            finish_reason=FinishReason.STOP, vendor_finish_reason="error", notes=(NOTE_RESCUED,)
        )
        rest = text[len(read) :] if lost.is_whole else text
        events = [*self.feed(TextDelta(rest)), *self.feed(done)]
        calls = [each.name for each in events if isinstance(each, ToolCall)]
        if Counter(self._begun.values()) - Counter(calls):  # one that was streamed is not quoted
            return []
        has_text = any(isinstance(each, TextDelta) and each.text.strip() for each in events)
        is_rest = (was_begun or lost.is_whole) and not lost.is_call
        return events if calls or (has_text and is_rest) else []

    def _convert(self, found: Iterable[tool_calls.Event]) -> list[Event]:
        events: list[Event] = []
        for each in found:
            match each:
                case tool_calls.TextDelta(text):
                    events.append(TextDelta(text))
                case tool_calls.ReasoningDelta(text):
                    if not self._thinks_apart:
                        text = text if self._has_reasoning else text.lstrip()
                        self._has_reasoning = True
                        events.append(ReasoningDelta(text))
                case tool_calls.Reclassified():
                    self._found.clear()
                    self._has_reasoning = True
                    events.append(TextWasThinking())
                case tool_calls.CallDone(call):
                    self._found.append(call)
                case tool_calls.CallRejected(rejected):
                    self._found.append(rejected)
        return _merge(events)

    def _end(self, done: Done) -> Iterator[Event]:
        """Yield the rest of the text, the calls, and the end."""
        reason = done.finish_reason
        message = self._text.finish("length" if reason is FinishReason.LENGTH else "stop")
        yield from self._convert(self._text.take_events())
        if self._checker is None:
            yield done
            return
        calls = [self._check(call, reason) for call in self._structured]
        calls = calls or [_build_call(each) for each in self._found]
        yield from _give_ids(calls, self._request)
        if reason is not FinishReason.LENGTH:
            reason = FinishReason.TOOL_CALLS if calls else FinishReason.STOP
        intent = message.intent.name if message.intent is not None and not calls else None
        yield replace(done, finish_reason=reason, intent=intent)

    def _check(self, call: ToolCall, reason: FinishReason) -> ToolCall:
        """Return a structured call with its repairs, or with the reason not to run it."""
        assert self._checker is not None  # noqa: S101  calls are only collected with tools
        is_length = reason is FinishReason.LENGTH
        if is_length and self._begun and call.id not in self._begun:
            rejection = _reject("truncated", "it has no arguments")
            return replace(call, arguments="", rejection=rejection)
        outcome = self._checker.check(
            call.name, call.arguments, finish_reason="length" if is_length else "stop"
        )
        return replace(_build_call(outcome), id=call.id, form=STRUCTURED)


def _merge(events: list[Event]) -> list[Event]:
    """Return the events with pieces of one kind that follow each other as one piece."""
    if len(events) < 2:
        return events
    merged: list[Event] = []
    for kind, group in groupby(events, key=type):
        if kind is TextDelta or kind is ReasoningDelta:
            text = "".join(
                each.text for each in group if isinstance(each, TextDelta | ReasoningDelta)
            )
            merged.append(TextDelta(text) if kind is TextDelta else ReasoningDelta(text))
        else:
            merged += group
    return merged


def _describe(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "parameters": tool.parameters}


def _build_call(outcome: tool_calls.ToolCall | tool_calls.Rejected) -> ToolCall:
    if isinstance(outcome, tool_calls.Rejected):
        return ToolCall(
            id="",
            name=outcome.name or "",
            arguments=outcome.raw,
            form=_TEXT,
            rejection=_reject(outcome.reason, outcome.detail),
        )
    call = ToolCall(
        id=outcome.id or "",
        name=outcome.name,
        arguments="",
        form=outcome.format,
        repairs=outcome.repairs,
    )
    try:
        text = json.dumps(outcome.arguments, ensure_ascii=False, allow_nan=False)
    except ValueError:
        rejection = _reject("malformed", "a number is too large")
        return replace(call, arguments=outcome.raw, rejection=rejection)
    return replace(call, arguments=text)


def _reject(reason: Reason, detail: str) -> CallRejection:
    return CallRejection(reason=reason, detail=_SENTENCES[reason].format(detail))


def _give_ids(calls: Iterable[ToolCall], request: ChatRequest) -> Iterator[ToolCall]:
    """Yield the calls with ids that the answer has once, in a form that all templates take.

    The templates of Mistral's models want nine letters or digits.
    """
    earlier = [call.id for message in request.messages for call in message.tool_calls]
    used, number = set(earlier), len(earlier)
    seen: set[str] = set()
    for call in calls:
        id_ = call.id
        if not id_ or id_ in seen or (id_ in used and _FILLED_ID.fullmatch(id_)):
            while (id_ := f"call{number:05d}") in used | seen:
                number += 1
        seen.add(id_)
        yield call if id_ == call.id else replace(call, id=id_)
