"""Complete answers: the events of a stream, added up."""

from collections.abc import AsyncIterable
from dataclasses import dataclass

from providers.chat import (
    Citation,
    Done,
    Event,
    ReasoningDelta,
    TextDelta,
    TextWasThinking,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatResponse:
    """A complete answer: the sum of its events."""

    text: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    citations: tuple[Citation, ...]
    usage: TokenUsage | None
    """None if the vendor did not send any."""
    done: Done


async def collect_response(events: AsyncIterable[Event]) -> ChatResponse:
    """Read a stream to its end and return the complete answer.

    Raises:
        ProviderError: raised by the stream.
        ValueError: the events end without `Done`, which adapters never do.
    """
    text: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    citations: list[Citation] = []
    usage: TokenUsage | None = None
    done: Done | None = None
    async for event in events:
        match event:
            case TextDelta():
                text.append(event.text)
            case ReasoningDelta():
                reasoning.append(event.text)
            case TextWasThinking():
                reasoning += text
                text.clear()
            case ToolCall():
                calls.append(event)
            case Citation():
                citations.append(event)
            case TokenUsage():
                usage = event
            case Done():
                done = event
            case ToolCallDelta():  # the complete call follows
                pass
    if done is None:
        raise ValueError("the events ended without Done")
    return ChatResponse(
        text="".join(text),
        reasoning="".join(reasoning),
        tool_calls=tuple(calls),
        citations=tuple(citations),
        usage=usage,
        done=done,
    )
