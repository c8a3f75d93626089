"""Checks of every answer, for all vendors: it is neither empty nor endless."""

from typing import Final

from providers.chat import (
    Done,
    Event,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    TextWasThinking,
    ToolCall,
    ToolCallDelta,
)
from providers.errors import EmptyAnswer, MalformedResponse

LONGEST_ANSWER: Final = 4_000_000
"""Characters of text, reasoning and calls together: several times what any model can generate."""
_CALL: Final = 200
"""What each call counts beside its arguments, which may be none."""


class ContentCheck:
    """Looks at the events of one answer."""

    def __init__(self, vendor: str) -> None:
        self._vendor = vendor
        self._length = 0
        self._calls: set[tuple[int, str]] = set()
        self._has_content = self._has_reasoning = False

    def check(self, event: Event) -> None:
        """Look at the next event.

        Raises:
            EmptyAnswer: the answer is complete and has no content.
            MalformedResponse: it is longer than any answer can be.
        """
        match event:
            case TextDelta(text):
                self._length += len(text)
                if not self._has_content:
                    self._has_content = not (text.isspace() or not text)
            case ReasoningDelta(text):
                self._length += len(text)
                self._has_reasoning = True
            case ToolCallDelta():
                key = (event.index, event.id)
                self._length += len(event.arguments) + (0 if key in self._calls else _CALL)
                self._calls.add(key)
            case TextWasThinking():
                self._has_content, self._has_reasoning = False, True
            case ToolCall():
                self._has_content = True
            case Done() if not self._has_content:
                raise _build_error(self._vendor, event, has_reasoning=self._has_reasoning)
        if self._length > LONGEST_ANSWER:
            raise MalformedResponse(
                self._vendor, f"the answer is longer than {LONGEST_ANSWER:,} characters"
            )


def _build_error(vendor: str, done: Done, *, has_reasoning: bool) -> EmptyAnswer:
    if done.finish_reason is FinishReason.LENGTH:
        what = "only reasoning" if has_reasoning else "nothing"
        return EmptyAnswer(vendor, f"{what} before the output limit: raise max_output_tokens")
    return EmptyAnswer(
        vendor, "only reasoning, and no answer" if has_reasoning else "the answer is empty"
    )
