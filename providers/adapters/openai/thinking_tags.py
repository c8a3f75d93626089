"""Reasoning that a server leaves at the beginning of the text, between `<think>` and `</think>`.

Some templates put the opening tag into the prompt, so the answer only has the closing tag, and
everything before it is reasoning.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Final

from providers.chat import (
    Done,
    Event,
    ReasoningDelta,
    TextDelta,
    TextWasThinking,
    ToolCall,
    ToolCallDelta,
)

_OPEN: Final = "<think>"
_CLOSE: Final = "</think>"
_QUOTES: Final = frozenset("`'\"")
_LONGEST_MARGIN: Final = 1_000
"""Maximum characters of white space before an opening tag; after more, it is text."""


class ThinkingTagParser:
    """Separates reasoning from a streamed text. One per answer.

    An opening tag only counts at the beginning: later it may be the subject of the answer. A
    closing tag counts anywhere, unless it is quoted or follows an opening tag.
    """

    def __init__(self) -> None:
        self._held = ""
        self._tag: str | None = _OPEN
        """The expected tag; None if the rest is text."""
        self._trims = False
        """Whether to drop empty lines, as between the reasoning and the text."""
        self._watches = True
        """Whether a closing tag without an opening one may still come."""
        self._before = ""
        """The last character of text that was yielded."""

    def feed(self, text: str) -> Iterator[Event]:
        """Yield the events of this piece of text; a partial tag is held back."""
        self._held += text
        if self._tag == _OPEN:
            head = self._held.lstrip()
            margin = len(self._held) - len(head)
            if len(head) < len(_OPEN) and _OPEN.startswith(head) and margin <= _LONGEST_MARGIN:
                return
            if head.startswith(_OPEN):
                self._held, self._tag, self._watches = head[len(_OPEN) :], _CLOSE, False
            else:
                self._tag = None
        if self._tag == _CLOSE:
            yield from self._yield_reasoning()
        if self._trims:
            self._held = self._held.lstrip("\n")
        if self._tag is None and self._held:
            yield from self._yield_text()

    def close(self) -> Iterator[Event]:
        """Yield the text that was held back as a possible tag."""
        if self._watches and self._held == _CLOSE and self._before not in _QUOTES:
            self._held = ""
            yield TextWasThinking()
        if self._held:
            yield ReasoningDelta(self._held) if self._tag == _CLOSE else TextDelta(self._held)
            self._held = ""

    def _yield_text(self) -> Iterator[Event]:
        text, self._held = self._held, ""
        ended = False
        if self._watches:
            text, ended = self._split_at_closing(text)
        if text:
            self._trims = False
            self._before = text[-1]
            yield TextDelta(text)
        if ended:
            self._watches, self._trims = False, True
            yield TextWasThinking()
            self._held = self._held.lstrip("\n")
            if self._held:
                yield from self._yield_text()

    def _split_at_closing(self, text: str) -> tuple[str, bool]:
        """Return the text before a closing tag without an opening one, and whether there was one.

        What follows it, or may be the beginning of a tag, is held back.
        """
        start = 0
        while (found := text.find(_CLOSE, start)) >= 0:
            if text.find(_OPEN, start, found) >= 0:
                break
            after = text[found + len(_CLOSE) : found + len(_CLOSE) + 1]
            before = text[found - 1] if found else self._before
            if before in _QUOTES or after in _QUOTES:
                start = found + len(_CLOSE)
                continue
            self._held = text[found:] if not after else text[found + len(_CLOSE) :]
            return text[:found], bool(after)
        if _OPEN in text[start:]:
            self._watches = False
            return text, False
        keep = max(_count_partial_tag(text, _CLOSE), _count_partial_tag(text, _OPEN))
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], False

    def _yield_reasoning(self) -> Iterator[Event]:
        thinking, found, rest = self._held.partition(_CLOSE)
        if found:
            self._held, self._tag, self._trims = rest, None, True
        else:
            keep = _count_partial_tag(thinking, _CLOSE)
            thinking, self._held = (
                thinking[: len(thinking) - keep],
                thinking[len(thinking) - keep :],
            )
        if thinking:
            yield ReasoningDelta(thinking)


def _count_partial_tag(text: str, tag: str) -> int:
    """Return how many characters at the end may be the beginning of a tag."""
    longest = min(len(text), len(tag) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(tag[:size])), 0)


async def extract_thinking(
    events: AsyncGenerator[Event, None],
) -> AsyncGenerator[Event, None]:
    """Yield the events, with tagged reasoning as `ReasoningDelta`."""
    tags = ThinkingTagParser()
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
