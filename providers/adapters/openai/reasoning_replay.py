"""Thinking that goes back as a field of the assistant's message, as DeepSeek and others want it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from providers.chat import ChatRequest, Done, Event, FinishReason, Message, ReasoningDelta, Replay

__all__ = ["hand_back", "replayable"]


def hand_back(
    messages: Sequence[Message], sent: Sequence[dict[str, Any]], *, vendor: str, model: str
) -> None:
    """Put the thinking of earlier turns into the last bodies of `sent`, where it may go there."""
    for message, body in zip(messages, sent[len(sent) - len(messages) :], strict=True):
        if message.replay is not None and message.replay.fits(vendor=vendor, model=model):
            for block in message.replay.blocks:
                body.update(block)


async def replayable(
    events: AsyncGenerator[Event, None], request: ChatRequest, *, vendor: str, field: str
) -> AsyncGenerator[Event, None]:
    """The same events; an end that waits for tool results also carries the thinking before it."""
    thought: list[str] = []
    async with aclosing(events):
        async for event in events:
            if isinstance(event, ReasoningDelta):
                thought.append(event.text)
            elif (
                isinstance(event, Done)
                and event.finish_reason is FinishReason.TOOL_CALLS
                and thought
            ):
                blocks = ({field: "".join(thought)},)
                replay = Replay(vendor=vendor, model=request.model, blocks=blocks)
                yield replace(event, replay=replay)
                continue
            yield event
