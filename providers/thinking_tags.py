"""Thinking that a server leaves in the text, between `<think>` and `</think>` at its head."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Final

from providers.chat import Done, Event, ReasoningDelta, TextDelta, ToolCall, ToolCallDelta

__all__ = ["ThinkingTags", "without_thinking_tags"]

_OPEN: Final = "<think>"
_CLOSE: Final = "</think>"


class ThinkingTags:
    """Takes thinking out of a streamed text. One per answer.

    Only a tag at the very head counts: further on it may be what the answer is about.
    """

    def __init__(self) -> None:
        self._held = ""
        self._tag: str | None = _OPEN
        """The tag that is waited for; None when the rest is text."""
        self._trims = False
        """Whether empty lines are dropped, as between the thinking and the text."""

    def feed(self, text: str) -> Iterator[Event]:
        """What this piece of text turns out to be; half a tag waits for the rest."""
        self._held += text
        if self._tag == _OPEN:
            head = self._held.lstrip()
            if len(head) < len(_OPEN) and _OPEN.startswith(head):
                return
            if head.startswith(_OPEN):
                self._held, self._tag = head[len(_OPEN) :], _CLOSE
            else:
                self._tag = None
        if self._tag == _CLOSE:
            yield from self._until_closed()
        if self._trims:
            self._held = self._held.lstrip("\n")
        if self._tag is None and self._held:
            self._trims = False
            yield TextDelta(self._held)
            self._held = ""

    def close(self) -> Iterator[Event]:
        """What was held back for a tag that never came."""
        if self._held:
            yield ReasoningDelta(self._held) if self._tag == _CLOSE else TextDelta(self._held)
            self._held = ""

    def _until_closed(self) -> Iterator[Event]:
        thinking, found, rest = self._held.partition(_CLOSE)
        if found:
            self._held, self._tag, self._trims = rest, None, True
        else:
            keep = _half_tag(thinking)
            thinking, self._held = (
                thinking[: len(thinking) - keep],
                thinking[len(thinking) - keep :],
            )
        if thinking:
            yield ReasoningDelta(thinking)


def _half_tag(text: str) -> int:
    """How many characters at the end may be the beginning of the closing tag."""
    longest = min(len(text), len(_CLOSE) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(_CLOSE[:size])), 0)


async def without_thinking_tags(
    events: AsyncGenerator[Event, None],
) -> AsyncGenerator[Event, None]:
    """The same events, with tagged thinking as `ReasoningDelta`."""
    tags = ThinkingTags()
    async with aclosing(events):
        async for event in events:
            if isinstance(event, TextDelta):
                for part in tags.feed(event.text):
                    yield part
                continue
            if isinstance(event, ToolCallDelta | ToolCall | Done):
                for part in tags.close():
                    yield part
            yield event
