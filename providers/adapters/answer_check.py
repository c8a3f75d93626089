"""What every whole answer must be, whoever gave it: not empty, and not endless."""

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

__all__ = ["LONGEST_ANSWER", "guarded"]

LONGEST_ANSWER: Final = 4_000_000
"""Characters of text, thinking and calls together: several times what any model can write."""


async def guarded(vendor: str, events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """Yield the events of one call.

    Raises:
        EmptyAnswer: the answer ended well and says nothing.
        MalformedResponse: it is longer than any answer can be.
    """
    length = 0
    says = thinks = False
    async with aclosing(events):
        async for event in events:
            match event:
                case TextDelta(text):
                    length += len(text)
                    says = says or not (text.isspace() or not text)
                case ReasoningDelta(text):
                    length += len(text)
                    thinks = True
                case ToolCallDelta():
                    length += len(event.arguments)
                case TextWasThinking():
                    says, thinks = False, True
                case ToolCall():
                    says = True
                case Done() if not says:
                    raise _empty(vendor, event, thinks=thinks)
            if length > LONGEST_ANSWER:
                raise MalformedResponse(
                    vendor, f"the answer is longer than {LONGEST_ANSWER:,} characters"
                )
            yield event


def _empty(vendor: str, done: Done, *, thinks: bool) -> EmptyAnswer:
    if done.finish_reason is FinishReason.LENGTH:
        what = "thinking only" if thinks else "nothing"
        return EmptyAnswer(vendor, f"{what} before the output limit: raise max_output_tokens")
    return EmptyAnswer(vendor, "thinking only, and no answer" if thinks else "the answer is empty")
