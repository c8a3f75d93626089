"""What was read of an answer, and the events about it."""

import re
from typing import Final

from providers.tool_calls.messages import (
    CallDone,
    CallRejected,
    Event,
    Found,
    Message,
    ReasoningDelta,
    Reclassified,
    Rejected,
    TextDelta,
    ToolCall,
)
from providers.tool_calls.toolset import Toolset

_BLANK_LINES: Final = re.compile(r"\A(?:[ \t]*\r?\n)+")


class Output:
    """Collects text, reasoning and calls of one answer."""

    def __init__(self, tools: Toolset) -> None:
        self._tools = tools
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[ToolCall | Rejected] = []
        self._events: list[Event] = []
        self._gap: list[str] = []
        """White space that is only text if more text follows."""
        self.raw: list[str] = []
        """All text that came."""
        self.is_reasoning = False
        self._is_after_reasoning = False
        """Whether there was only white space since the reasoning."""
        self.is_trimmed = False
        """Whether anything was taken out of the text."""
        self.is_length = False
        """Whether the model ran out of tokens."""

    @property
    def has_calls(self) -> bool:
        """Whether there was a call, even if it was rejected."""
        return bool(self._calls)

    def add_text(self, text: str) -> None:
        """Add to the content or the reasoning."""
        pieces = self._reasoning if self.is_reasoning else self._content
        pieces.append(text)
        body = text.rstrip()
        if body:
            delta = ReasoningDelta if self.is_reasoning else TextDelta
            piece = "".join(self._gap) + body
            if self._is_after_reasoning:
                piece, self._is_after_reasoning = _BLANK_LINES.sub("", piece), False
            self._events.append(delta(piece))
            self._gap = [text[len(body) :]]
        else:
            self._gap.append(text)

    def end_reasoning(self) -> None:
        """Take what follows as content; white space around the closing tag is a part of neither."""
        self.is_reasoning, self._is_after_reasoning = False, True
        self._gap.clear()

    def add_break(self) -> None:
        """Separate two messages of one answer."""
        for pieces in (self._reasoning, self._content):
            if pieces:
                pieces.append("\n")
        self._gap = ["\n"] if self._reasoning or self._content else []

    def add_call(self, found: Found, raw: str) -> None:
        """Add a call after checking it. The first one ends open reasoning."""
        if self.is_length and found.needed_closing and found.reason is None:
            found.mark_cut()
        outcome = self._tools.check(found, raw)
        self._calls.append(outcome)
        if isinstance(outcome, ToolCall):
            self._events.append(CallDone(outcome))
        else:
            self._events.append(CallRejected(outcome))
        self.is_reasoning = False

    def reclassify(self, start: int, end: int) -> None:
        """Turn everything until now into reasoning, which is a part of the raw text."""
        self._reasoning = ["".join(self.raw)[start:end]]
        self._content.clear()
        self._calls.clear()
        self._gap.clear()
        self._events.append(Reclassified())

    def take_events(self) -> list[Event]:
        """Return the events since the last time."""
        events, self._events = self._events, []
        return events

    def join_content(self) -> str:
        """Return the content; white space around it counts unless something was taken out."""
        content = "".join(self._content)
        return content.strip() if self.is_trimmed else content

    def build(self, reason: str | None) -> Message:
        """Return the whole."""
        calls = tuple(each for each in self._calls if isinstance(each, ToolCall))
        rejected = tuple(each for each in self._calls if isinstance(each, Rejected))
        gap = "".join(self._gap)
        if gap and not self.is_trimmed:
            self._events.append(TextDelta(gap))
        reasoning = "".join(self._reasoning).strip()
        return Message(self.join_content(), reasoning, calls, rejected, None, reason)
