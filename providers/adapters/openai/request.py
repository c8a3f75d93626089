"""Chat completions requests, and the reasoning that a tool loop sends back."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from providers.chat import (
    ChatRequest,
    Done,
    Event,
    FinishReason,
    Message,
    ReasoningDelta,
    ReasoningReplay,
)

NOTE_IF_BROKEN: Final = "the connection broke after the answer was complete; usage may be missing"


def build_chat_body(request: ChatRequest) -> dict[str, Any]:
    """Return the part of the body that all dialects share; each adapter adds its own fields.

    Send it as the `extra_body` of an SDK, which overrides the SDK's own fields: the SDK would check
    each message against every message type, which takes longer than the rest of a long call.
    """
    messages = [_build_message(message) for message in request.messages]
    if request.system is not None:
        messages.insert(0, {"role": "system", "content": request.system})
    body: dict[str, Any] = {
        "model": request.model,
        "stream": request.stream,
        "messages": messages,
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.parameters),
                },
            }
            for tool in request.tools
        ]
    if request.response_schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": dict(request.response_schema)},
        }
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.stop:
        body["stop"] = list(request.stop)
    return body


def restore_reasoning(
    messages: Sequence[Message], bodies: Sequence[dict[str, Any]], *, vendor: str, model: str
) -> None:
    """Add this model's reasoning in earlier turns to their bodies, the last ones of `bodies`."""
    for message, body in zip(messages, bodies[len(bodies) - len(messages) :], strict=True):
        if message.replay is not None and message.replay.fits(vendor=vendor, model=model):
            for block in message.replay.blocks:
                body.update(block)


async def attach_replay(
    events: AsyncGenerator[Event, None], request: ChatRequest, *, vendor: str, field: str
) -> AsyncGenerator[Event, None]:
    """Yield the events; add the reasoning to a `Done` that waits for tool results.

    DeepSeek and others require it in `field` of the assistant's message in the next request.
    """
    reasoning: list[str] = []
    async with aclosing(events):
        async for event in events:
            if isinstance(event, ReasoningDelta):
                reasoning.append(event.text)
            elif (
                isinstance(event, Done)
                and event.finish_reason is FinishReason.TOOL_CALLS
                and reasoning
            ):
                blocks = ({field: "".join(reasoning)},)
                replay = ReasoningReplay(vendor=vendor, model=request.model, blocks=blocks)
                yield replace(event, replay=replay)
                continue
            yield event


def _build_message(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        body["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    return body
