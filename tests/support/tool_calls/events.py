"""Requests to open models, and the events of their answers."""

from collections.abc import AsyncGenerator, Iterable
from typing import Any

from providers.adapters.open_models import AnswerReader, read_model_answer
from providers.chat import (
    ChatRequest,
    Done,
    Event,
    FinishReason,
    Message,
    TextCalls,
    TextDelta,
    Tool,
)
from providers.chat_response import ChatResponse, collect_response

READ = Tool(
    name="read_file",
    description="Read a file.",
    parameters={
        "type": "object",
        "properties": {"path": {"type": "string"}, "lines": {"type": "integer"}},
        "required": ["path"],
    },
)
PING = Tool(name="ping", description="", parameters={"type": "object"})
CALL = '<tool_call>\n{"name": "read_file", "arguments": {"path": "a.py"}}\n</tool_call>'


def a_request(**changes: Any) -> ChatRequest:
    fields: dict[str, Any] = {
        "model": "m",
        "messages": (Message(role="user", content="hi"),),
        "tools": (READ, PING),
        "text_calls": TextCalls(),
        **changes,
    }
    return ChatRequest(**fields)


def done(reason: FinishReason = FinishReason.STOP) -> Done:
    return Done(finish_reason=reason, vendor_finish_reason=reason.value)


async def iterate(events: Iterable[Event]) -> AsyncGenerator[Event, None]:
    for event in events:
        yield event


async def read(
    *pieces: str | Event, request: ChatRequest | None = None, end: Done | None = None
) -> ChatResponse:
    events = [TextDelta(each) if isinstance(each, str) else each for each in pieces]
    answer = read_model_answer(iterate([*events, end or done()]), request or a_request())
    return await collect_response(answer)


def feed(reader: AnswerReader, *texts: str) -> list[Event]:
    return [each for text in texts for each in reader.feed(TextDelta(text))]
