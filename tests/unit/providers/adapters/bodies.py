"""Parts of requests, and their bodies on each wire."""

from typing import Any

from providers.adapters.anthropic.request import build_anthropic_body
from providers.adapters.gemini.request import build_gemini_body
from providers.adapters.openai.dialect import apply_dialect
from providers.adapters.openai.responses_request import build_responses_body
from providers.catalogue.schema import RequestDialect
from providers.chat import Attachment, ChatRequest, Message, Tool, ToolCall

OPENAI = RequestDialect(strict_schemas=True)
CLOSED = {
    "type": "object",
    "properties": {"x": {"type": "integer"}},
    "required": ["x"],
    "additionalProperties": False,
}
LOOK = Tool(name="look", description="d", parameters=CLOSED)
SAVE = Tool(name="save", description="e", parameters={})
PICTURE = Attachment(media_type="image/png", data=b"png", name="a.png")
LINKED = Attachment(media_type="image/png", url="https://example.com/a.png")
PAPER = Attachment(media_type="application/pdf", data=b"pdf", name="a.pdf")
NOTES = Attachment(media_type="text/csv", data=b"a,b", name="a.csv")
SOUND = Attachment(media_type="audio/mpeg", data=b"mp3")
CALLS = (
    ToolCall(id="c1", name="look", arguments='{"x": 1}'),
    ToolCall(id="c2", name="look", arguments='{"x": 2}'),
)
LOOP = (
    Message(role="user", content="hi"),
    Message(role="assistant", content="let me see", tool_calls=CALLS),
    Message(role="tool", content="42", tool_call_id="c1", attachments=(PICTURE,)),
    Message(role="tool", content="no", tool_call_id="c2", is_error=True),
)


def a_request(**changes: Any) -> ChatRequest:
    fields = {"model": "m", "messages": (Message(role="user", content="hi"),), **changes}
    return ChatRequest(**fields)


def with_files(*attachments: Attachment) -> ChatRequest:
    return a_request(messages=(Message(role="user", content="hi", attachments=attachments),))


def chat(request: ChatRequest, dialect: RequestDialect = OPENAI) -> dict[str, Any]:
    return apply_dialect(request, dialect, vendor="openai")[0]


def responses(request: ChatRequest, *, with_summary: bool = True) -> dict[str, Any]:
    return build_responses_body(request, OPENAI, vendor="openai", with_summary=with_summary)[0]


def anthropic(request: ChatRequest) -> dict[str, Any]:
    return build_anthropic_body(request, "anthropic")[0]


def gemini(request: ChatRequest) -> dict[str, Any]:
    return build_gemini_body(request)[0]
