"""Keys are masked in prompts before they leave this machine, and in answers before anybody reads.

A vendor, or whoever stands between, may echo a key that it was sent; a model may repeat one.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from providers.chat import (
    ChatRequest,
    Citation,
    Done,
    Event,
    Message,
    ReasoningDelta,
    TextDelta,
    TextWasThinking,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from providers.secrets import Redactor, StreamRedactor

__all__ = ["MASK", "mask_keys", "masked", "masked_answer"]

MASK: Final = "[masked key]"
"""What a model reads in place of a key."""


def mask_keys(text: str, redactor: Redactor) -> tuple[str, int]:
    """The text without keys, and how many there were."""
    return redactor.count(text, mask=MASK)


def masked(request: ChatRequest, redactor: Redactor) -> tuple[ChatRequest, int]:
    """The request as it may leave, and how many keys were taken out."""
    system, found = mask_keys(request.system or "", redactor)
    messages = []
    for message in request.messages:
        message, here = _masked_message(message, redactor)  # noqa: PLW2901
        messages.append(message)
        found += here
    if not found:
        return request, 0
    return replace(request, system=system or None, messages=tuple(messages)), found


def _masked_message(message: Message, redactor: Redactor) -> tuple[Message, int]:
    content, found = mask_keys(message.content, redactor)
    calls = []
    for call in message.tool_calls:
        arguments, here = mask_keys(call.arguments, redactor)
        calls.append(replace(call, arguments=arguments))
        found += here
    if not found:
        return message, 0
    return replace(message, content=content, tool_calls=tuple(calls)), found


async def masked_answer(
    events: AsyncGenerator[Event, None], redactor: Redactor
) -> AsyncGenerator[Event, None]:
    """Yield the same events without keys, wherever they are cut; `Done` has a note of how many.

    What was held back comes before an error, too, unless nobody has seen anything of the answer:
    then the call can still be repeated unnoticed.
    """
    answer, was_seen = _Answer(redactor), False
    try:
        async with aclosing(events):
            async for event in events:
                for each in answer.of(event):
                    was_seen = was_seen or not isinstance(each, Usage)
                    yield each
    except Exception:
        for each in answer.rest() if was_seen else ():
            yield each
        raise
    for each in answer.rest():  # of an answer that did not end well
        yield each


class _Answer:
    """Masks the events of one answer."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._text = StreamRedactor(redactor)
        self._reasoning = StreamRedactor(redactor)
        self._calls: dict[int, StreamRedactor] = {}
        self._found = 0

    def of(self, event: Event) -> Iterator[Event]:
        """Yield what may be passed on now."""
        match event:
            case TextDelta():
                if text := self._text.feed(event.text):
                    yield TextDelta(text)
            case TextWasThinking():
                if text := self._text.close():
                    yield TextDelta(text)
                self._found += self._text.found
                self._text = StreamRedactor(self._redactor)
                yield event
            case ReasoningDelta():
                if text := self._reasoning.feed(event.text):
                    yield ReasoningDelta(text)
            case ToolCallDelta():  # its rest comes with the whole call
                call = self._calls.setdefault(event.index, StreamRedactor(self._redactor))
                name = self._redactor.redact(event.name)
                yield replace(event, name=name, arguments=call.feed(event.arguments))
            case ToolCall():
                yield replace(
                    event, name=self._mask(event.name), arguments=self._mask(event.arguments)
                )
            case Citation():
                title = event.title and self._mask(event.title)
                yield replace(event, url=self._mask(event.url), title=title)
            case Usage():
                yield replace(event, raw=self._redactor.redact_json(event.raw))
            case Done():
                yield from self.rest()
                yield self._end(event)

    def rest(self) -> Iterator[Event]:
        """Yield what was held back."""
        if text := self._reasoning.close():
            yield ReasoningDelta(text)
        if text := self._text.close():
            yield TextDelta(text)

    def _mask(self, text: str) -> str:
        text, found = self._redactor.count(text)
        self._found += found
        return text

    def _end(self, done: Done) -> Done:
        found = self._found + self._text.found + self._reasoning.found
        names: dict[str, Any] = {
            "vendor_finish_reason": self._redactor.redact(done.vendor_finish_reason),
            "model": done.model and self._redactor.redact(done.model),
            "request_id": done.request_id and self._redactor.redact(done.request_id),
        }
        if found:
            names["notes"] = (*done.notes, f"{found} keys in the answer were masked")
        if done.replay is not None:
            names["replay"] = replace(
                done.replay, blocks=self._redactor.redact_json(done.replay.blocks)
            )
        return replace(done, **names)
