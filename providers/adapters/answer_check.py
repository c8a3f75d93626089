"""Checks of every answer, for all vendors: it is neither empty nor endless."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
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


async def check_answer(
    vendor: str, events: AsyncGenerator[Event, None]
) -> AsyncGenerator[Event, None]:
    """Yield the events of a call.

    Raises:
        EmptyAnswer: the answer is complete and has no content.
        MalformedResponse: it is longer than any answer can be.
    """
    length = 0
    calls: set[tuple[int, str]] = set()
    has_content = has_reasoning = False
    async with aclosing(events):
        async for event in events:
            match event:
                case TextDelta(text):
                    length += len(text)
                    has_content = has_content or not (text.isspace() or not text)
                case ReasoningDelta(text):
                    length += len(text)
                    has_reasoning = True
                case ToolCallDelta():
                    key = (event.index, event.id)
                    length += len(event.arguments) + (0 if key in calls else _CALL)
                    calls.add(key)
                case TextWasThinking():
                    has_content, has_reasoning = False, True
                case ToolCall():
                    has_content = True
                case Done() if not has_content:
                    raise _build_error(vendor, event, has_reasoning=has_reasoning)
            if length > LONGEST_ANSWER:
                raise MalformedResponse(
                    vendor, f"the answer is longer than {LONGEST_ANSWER:,} characters"
                )
            yield event


def _build_error(vendor: str, done: Done, *, has_reasoning: bool) -> EmptyAnswer:
    if done.finish_reason is FinishReason.LENGTH:
        what = "only reasoning" if has_reasoning else "nothing"
        return EmptyAnswer(vendor, f"{what} before the output limit: raise max_output_tokens")
    return EmptyAnswer(
        vendor, "only reasoning, and no answer" if has_reasoning else "the answer is empty"
    )
