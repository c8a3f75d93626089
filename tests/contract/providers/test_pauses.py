"""Anthropic pauses messages in which it searches for long; they are gone on with."""

from typing import Any

import pytest
from pydantic import SecretStr

from providers.adapters.anthropic.client import Anthropic
from providers.adapters.anthropic.stream import MAX_PAUSES
from providers.adapters.base import Timeouts
from providers.chat import ChatRequest, FinishReason, Message, Tool
from providers.chat_response import ChatResponse, collect_response
from providers.errors import IncompleteStream
from tests.support.servers.recorder import recording

TOOL = Tool(name="look", description="d", parameters={"type": "object"})
SEARCH = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}


async def ask(url: str, prompt: str, **fields: Any) -> ChatResponse:
    wanted: dict[str, Any] = {"model": "claude-sonnet-5-5", "web_search": True, **fields}
    request = ChatRequest(messages=(Message(role="user", content=prompt),), **wanted)
    async with Anthropic(vendor="anthropic", base_url=url, key=SecretStr("a-key")) as adapter:
        return await collect_response(adapter.stream(request, timeouts=Timeouts()))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("pauses", [1, 3])
async def test_a_paused_answer_goes_on_until_it_is_complete(
    simulator: str, pauses: int, *, stream: bool
) -> None:
    url = f"{simulator}/anthropic"
    plain = await ask(url, f"Search for {pauses} {stream}", stream=stream)

    answer = await ask(
        url,
        f"Search for {pauses} {stream} [[fault:finish=pause_turn times={pauses}]]",
        stream=stream,
    )

    assert answer.done.finish_reason is FinishReason.STOP
    assert answer.usage is not None and plain.usage is not None
    assert answer.usage.searches == (pauses + 1) * plain.usage.searches > 0
    assert answer.usage.output is not None and plain.usage.output is not None
    assert answer.usage.output > plain.usage.output


async def test_an_answer_that_is_paused_for_ever_is_incomplete(simulator: str) -> None:
    with pytest.raises(IncompleteStream, match="pause_turn"):
        await ask(f"{simulator}/anthropic", "Search for ever [[fault:finish=pause_turn]]")


async def test_what_was_paused_is_sent_back_as_it_came() -> None:
    paused = {
        "type": "message",
        "content": [SEARCH, FOUND, {"type": "text", "text": "so far "}],
        "stop_reason": "pause_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    async with recording(paused) as server:
        with pytest.raises(IncompleteStream):
            await ask(server.url, "Search", tools=(TOOL,), stream=False)

    [asked, *gone_on] = server.body["messages"]
    assert asked == {"role": "user", "content": "Search"}
    assert len(gone_on) == MAX_PAUSES
    blocks = [each for turn in gone_on[:1] for each in turn["content"]]
    assert blocks == paused["content"]
