"""The request of the "chat completions" format and the way through one call of it."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from typing import Any

from providers.adapters.http.deadlines import Deadlines
from providers.adapters.http.error_mapping import TRANSPORT_ERRORS, from_payload
from providers.adapters.http.stream import OpenResponse, payloads
from providers.adapters.openai.stream import ChunkReader
from providers.chat import (
    ChatRequest,
    Event,
    Message,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
)
from providers.errors import CallFailed

__all__ = ["read_answer", "request_body"]


def request_body(request: ChatRequest) -> dict[str, Any]:
    """What all dialects agree on; each adapter adds its own."""
    messages = [_message(message) for message in request.messages]
    if request.system is not None:
        messages.insert(0, {"role": "system", "content": request.system})
    body: dict[str, Any] = {"model": request.model, "messages": messages}
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


async def read_answer(
    vendor: str,
    opening: AbstractAsyncContextManager[OpenResponse],
    deadlines: Deadlines,
    *,
    secret: str,
    notes: tuple[str, ...],
) -> AsyncGenerator[Event, None]:
    """Send the request by entering `opening`, and give its answer as events."""
    reader = ChunkReader(vendor, secret=secret)
    async with AsyncExitStack() as stack:
        response = await deadlines.wait(stack.enter_async_context(opening))
        try:
            async with aclosing(payloads(vendor, response, deadlines)) as chunks:
                async for name, chunk in chunks:
                    if name == "error":
                        raise from_payload(vendor, chunk, secret=secret)
                    for event in reader.read(chunk):
                        if isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta):
                            deadlines.first_token()
                        yield event
        except (CallFailed, *TRANSPORT_ERRORS):
            if not reader.is_finished:
                raise
            notes += ("the connection broke after the answer was whole; usage may be missing",)
        request_id = response.headers.get("x-request-id")
        for event in reader.close(request_id=request_id, notes=notes):
            yield event


def _message(message: Message) -> dict[str, Any]:
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
