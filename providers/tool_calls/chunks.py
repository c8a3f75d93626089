"""Answers as servers stream them: OpenAI's chunks (vLLM, llama.cpp, LM Studio) and Ollama's."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.tool_calls.extractor import Extractor
from providers.tool_calls.messages import (
    Event,
    Message,
    ReasoningDelta,
    Rejected,
    TextDelta,
    ToolCall,
)
from providers.tool_calls.structured import CallChecker

_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")


@dataclass(slots=True)
class _Call:
    id: str | None = None
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    whole: object = None
    """Arguments that came as data."""

    def is_complete(self) -> bool:
        """Return whether no more arguments can belong to it."""
        if self.whole is not None:
            return True
        try:
            json.loads("".join(self.arguments))
        except (ValueError, RecursionError):
            return False
        return True


class ChunkParser:
    """Turns chunks of one answer into events and a message. One per answer.

    Calls that came as data are checked like those in text, and then the text is not searched.
    """

    def __init__(self, tools: Iterable[object], *, family: str = "auto", prefix: str = "") -> None:
        self._tools = list(tools)
        self._extractor = Extractor(self._tools, family=family, prefix=prefix)
        self._family = family
        self._prefix = prefix
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._finish: str | None = None

    def feed(self, chunk: object) -> list[Event]:
        """Return the events of a chunk of chat completions or a line of Ollama's `/api/chat`.

        An answer that was not streamed is one chunk.
        """
        if not isinstance(chunk, Mapping):
            return []
        events: list[Event] = []
        choices = chunk.get("choices", [chunk])
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, Mapping) and choice.get("index", 0) in (0, None):
                events += self._feed(choice.get("delta") or choice.get("message"))
                self._note_finish(choice.get("finish_reason") or choice.get("done_reason"))
        return events

    def finish(self, reason: str | None = None) -> Message:
        """Return the message, all chunks of which have come."""
        self._note_finish(reason)
        message = self._read_plain() if self._calls else self._extractor.finish(self._finish)
        calls, rejected = message.tool_calls, message.rejected
        if self._calls:
            checker = CallChecker(self._tools)
            outcomes = [
                checker.check(
                    call.name,
                    "".join(call.arguments) if call.whole is None else call.whole,
                    id_=call.id,
                    finish_reason=self._finish,
                )
                for call in self._calls
            ]
            calls = tuple(each for each in outcomes if isinstance(each, ToolCall))
            rejected = tuple(each for each in outcomes if isinstance(each, Rejected))
        reasoning = "".join(self._reasoning).strip() or message.reasoning
        intent = None if self._calls else message.intent
        return Message(message.content, reasoning, calls, rejected, intent, self._finish)

    def _read_plain(self) -> Message:
        """Return the text without searching it for calls."""
        prefix = "" if self._reasoning else self._prefix
        plain = Extractor(self._tools, family=self._family, prefix=prefix, has_calls=False)
        plain.feed("".join(self._text))
        return plain.finish(self._finish)

    def _note_finish(self, reason: object) -> None:
        if isinstance(reason, str) and reason:
            self._finish = reason

    def _feed(self, delta: object) -> list[Event]:
        if not isinstance(delta, Mapping):
            return []
        events: list[Event] = []
        thought = next((delta[k] for k in _REASONING_FIELDS if _is_text(delta.get(k))), None)
        if thought is not None:
            self._add_reasoning(thought, events)
        content = delta.get("content")
        for text in [content] if isinstance(content, str) else _list_parts(content):
            events += self._extractor.feed(text)
            self._text.append(text)
        for position, each in enumerate(_list_mappings(delta.get("tool_calls"))):
            self._add_call(each, position)
        if self._calls:  # those in the text do not count
            kept = (TextDelta, ReasoningDelta)
            events = [each for each in events if isinstance(each, kept)]
        if self._reasoning:
            events = [
                each
                for each in events
                if not isinstance(each, ReasoningDelta) or each.text == thought
            ]
        return events

    def _add_reasoning(self, text: str, events: list[Event]) -> None:
        if not self._reasoning:
            self._extractor.drop_prefix()
        self._reasoning.append(text)
        events.append(ReasoningDelta(text))

    def _add_call(self, part: Mapping[str, Any], position: int) -> None:
        function = part.get("function")
        function = function if isinstance(function, Mapping) else part
        name, arguments = function.get("name"), function.get("arguments")
        name = name if isinstance(name, str) else ""
        id_ = part.get("id") if isinstance(part.get("id"), str) else None
        index = part.get("index", function.get("index"))
        call = self._find_call(index, id_ or None, name, arguments)
        call.id = call.id or id_ or None
        call.name = call.name or name
        if isinstance(arguments, str):
            call.arguments.append(arguments)
        elif arguments is not None:
            call.whole = arguments

    def _find_call(self, index: object, id_: str | None, name: str, arguments: object) -> _Call:
        """Return the call to which a part belongs: by its index, a new id, or its place."""
        place = index if isinstance(index, int) else None
        known = None if place is None else self._by_index.get(place)
        if known is None and id_ is not None:
            known = next((each for each in self._calls if each.id == id_), None)
        if known is None and place is None and self._calls and id_ is None:
            known = self._calls[-1]
        if known is not None and not _begins_another(known, id_, name, arguments):
            return known
        call = _Call()
        self._calls.append(call)
        if place is not None:
            self._by_index[place] = call
        return call


def _begins_another(known: _Call, id_: str | None, name: str, arguments: object) -> bool:
    """Return whether a part cannot belong to the call that has its index."""
    if id_ is not None and known.id is not None:
        return id_ != known.id
    if isinstance(arguments, Mapping):
        return bool(known.arguments) or known.whole is not None
    if not name or not known.name or not arguments:
        return bool(name and known.name and name != known.name)
    return name != known.name or known.is_complete()


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _list_parts(content: object) -> list[str]:
    parts = _list_mappings(content)
    return [text for each in parts if isinstance(text := each.get("text"), str)]


def _list_mappings(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
