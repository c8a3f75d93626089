"""What an Ollama may answer, and a call that gets just that."""

import json
from collections.abc import Mapping
from typing import Any, Final

from providers.adapters.base import Adapter, Timeouts
from providers.adapters.registry import make_adapter
from providers.catalogue.catalogue import Catalogue
from providers.chat import ChatRequest, Message, Tool
from providers.chat_response import ChatResponse, collect_response
from tests.support.servers.recorder import recording

PIECE: Final[Mapping[str, Any]] = {
    "model": "m",
    "message": {"role": "assistant", "content": "yes"},
    "done": False,
}
LAST: Final[Mapping[str, Any]] = {
    "model": "m",
    "message": {"content": ""},
    "done": True,
    "done_reason": "stop",
}
LOOK: Final = Tool(
    name="look",
    description="Looks",
    parameters={"type": "object", "properties": {"x": {"type": "integer"}}},
)
PROMPT: Final = 'look {"x": 2}'
"""Asks for a call of that tool."""


def write_lines(*payloads: object) -> bytes:
    """Return a body of lines."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in payloads)


async def answer_of(adapter: Adapter, request: ChatRequest) -> ChatResponse:
    """Return the whole answer."""
    return await collect_response(adapter.stream(request, timeouts=Timeouts()))


async def ask_ollama(body: bytes, *, status: int = 200) -> ChatResponse:
    """Ask a server that answers everything alike."""
    request = ChatRequest(model="m", messages=(Message(role="user", content="hi"),))
    provider = Catalogue.load().providers["ollama"]
    async with recording(body, kind="application/x-ndjson", status=status) as recorder:
        adapter = make_adapter(provider, base_url=recorder.url, key=None)
        async with adapter:
            return await answer_of(adapter, request)
