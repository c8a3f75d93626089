"""Masking of keys in prompts before they are sent, and in answers before they are shown.

A vendor or a proxy may echo a key that it received, and a model may repeat one.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from providers.chat import (
    Attachment,
    ChatRequest,
    Citation,
    Done,
    Event,
    Message,
    ReasoningDelta,
    TextDelta,
    TextWasThinking,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    is_text_type,
)
from providers.secrets import Redactor, StreamRedactor

MASK: Final = "[masked key]"
"""Replaces a key in a prompt."""


def mask_keys(text: str, redactor: Redactor) -> tuple[str, int]:
    """Return the text without keys, and how many there were."""
    return redactor.count(text, mask=MASK)


def mask_request(request: ChatRequest, redactor: Redactor) -> tuple[ChatRequest, int]:
    """Return the request without keys, and how many there were."""
    system, found = mask_keys(request.system or "", redactor)
    messages = []
    for message in request.messages:
        message, here = _mask_message(message, redactor)  # noqa: PLW2901
        messages.append(message)
        found += here
    if not found:
        return request, 0
    return replace(request, system=system or None, messages=tuple(messages)), found


def _mask_message(message: Message, redactor: Redactor) -> tuple[Message, int]:
    content, found = mask_keys(message.content, redactor)
    calls, attachments = [], []
    for attachment in message.attachments:
        attachment, here = _mask_attachment(attachment, redactor)  # noqa: PLW2901
        attachments.append(attachment)
        found += here
    for call in message.tool_calls:
        arguments, here = mask_keys(call.arguments, redactor)
        calls.append(replace(call, arguments=arguments))
        found += here
    if not found:
        return message, 0
    return replace(
        message, content=content, tool_calls=tuple(calls), attachments=tuple(attachments)
    ), found


def _mask_attachment(attachment: Attachment, redactor: Redactor) -> tuple[Attachment, int]:
    """Mask a text file. Others are not text, and a URL with a token must stay one."""
    if attachment.data is None or not is_text_type(attachment.media_type):
        return attachment, 0
    text, found = mask_keys(attachment.data.decode("utf-8", "replace"), redactor)
    return (replace(attachment, data=text.encode()), found) if found else (attachment, 0)


async def mask_answer(
    events: AsyncGenerator[Event, None],
    redactor: Redactor,
    *,
    check: Callable[[Event], None] | None = None,
) -> AsyncGenerator[Event, None]:
    """Yield the events without keys, even if a key is split between events; `Done` has a note.

    `check` gets each event first and may refuse the answer. Before an error, text that was held
    back is yielded too, unless nothing of the answer was yielded yet, in which case the call can
    still be repeated unnoticed.
    """
    masker, was_seen = _AnswerMasker(redactor), False
    try:
        async with aclosing(events):
            async for event in events:
                if check is not None:
                    check(event)
                for each in masker.feed(event):
                    was_seen = was_seen or not isinstance(each, TokenUsage)
                    yield each
    except Exception:
        for each in masker.flush() if was_seen else ():
            yield each
        raise
    for each in masker.flush():  # if the answer ended without `Done`
        yield each


class _AnswerMasker:
    """Masks keys in the events of one answer."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._text = StreamRedactor(redactor)
        self._reasoning = StreamRedactor(redactor)
        self._calls: dict[int, StreamRedactor] = {}
        self._found = 0

    def feed(self, event: Event) -> Sequence[Event]:
        """Return the events that may be passed on now."""
        match event:
            case TextDelta(piece):
                text = self._text.feed(piece)
                return (event,) if text == piece else (TextDelta(text),) if text else ()
            case ReasoningDelta(piece):
                text = self._reasoning.feed(piece)
                return (event,) if text == piece else (ReasoningDelta(text),) if text else ()
            case ToolCallDelta():  # the complete call follows
                call = self._calls.setdefault(event.index, StreamRedactor(self._redactor))
                name = self._redactor.redact(event.name)
                return (replace(event, name=name, arguments=call.feed(event.arguments)),)
            case TextWasThinking():
                text = self._text.close()
                self._found += self._text.found
                self._text = StreamRedactor(self._redactor)
                return (TextDelta(text), event) if text else (event,)
            case ToolCall():
                return (self._mask_call(event),)
            case Citation():
                title = event.title and self._mask(event.title)
                return (replace(event, url=self._mask(event.url), title=title),)
            case TokenUsage():
                raw = self._redactor.redact_json(event.raw)
                return (event,) if raw == event.raw else (replace(event, raw=raw),)
            case Done():
                return (*self.flush(), self._mask_done(event))

    def flush(self) -> Iterator[Event]:
        """Yield the text that was held back."""
        if text := self._reasoning.close():
            yield ReasoningDelta(text)
        if text := self._text.close():
            yield TextDelta(text)

    def _mask(self, text: str) -> str:
        text, found = self._redactor.count(text)
        self._found += found
        return text

    def _mask_call(self, call: ToolCall) -> ToolCall:
        rejection = call.rejection
        if rejection is not None:  # it may quote an argument, which is counted below
            rejection = replace(rejection, detail=self._redactor.redact(rejection.detail))
        return replace(
            call,
            name=self._mask(call.name),
            arguments=self._mask(call.arguments),
            rejection=rejection,
        )

    def _mask_done(self, done: Done) -> Done:
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
        is_same = all(getattr(done, name) == value for name, value in names.items())
        return done if is_same else replace(done, **names)
