"""The requests of the two vendors with SDKs of their own, as received by a server."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from providers.adapters.anthropic.client import Anthropic
from providers.adapters.base import Timeouts
from providers.adapters.fireworks import Fireworks
from providers.chat import ChatRequest, Message, Tool, ToolCall
from providers.chat_response import collect_response
from providers.errors import InvalidRequest
from tests.contract.providers.calls import ANTHROPIC_ANSWER
from tests.support.servers.recorder import recording

KEY = SecretStr("a-key")
CALL = ToolCall(id="c", name="look", arguments='{"x": 1}')
CONVERSATION = (
    Message(role="user", content="hi"),
    Message(role="assistant", content="let me see", tool_calls=(CALL,)),
    Message(role="tool", content="42", tool_call_id="c"),
)
TOOL = Tool(name="look", description="d", parameters={"type": "object"})
FIREWORKS_ANSWER = {
    "choices": [{"message": {"content": "yes", "reasoning_content": "hm"}, "finish_reason": "stop"}]
}


def a_request(**changes: Any) -> ChatRequest:
    fields = {"model": "m", "messages": (Message(role="user", content="hi"),), **changes}
    return ChatRequest(**fields)


async def sent_to_anthropic(request: ChatRequest) -> dict[str, Any]:
    async with (
        recording(ANTHROPIC_ANSWER) as server,
        Anthropic(vendor="anthropic", base_url=server.url, key=KEY) as adapter,
    ):
        await collect_response(adapter.stream(request, timeouts=Timeouts()))
        return server.body


async def test_anthropic_gets_calls_and_results_as_blocks() -> None:
    body = await sent_to_anthropic(
        a_request(messages=CONVERSATION, system="Be brief", tools=(TOOL,), stop=("END",))
    )

    assert body["system"] == "Be brief"
    assert body["stop_sequences"] == ["END"]
    assert body["tools"] == [
        {"name": "look", "description": "d", "input_schema": {"type": "object"}}
    ]
    assert body["messages"][1]["content"] == [
        {"type": "text", "text": "let me see"},
        {"type": "tool_use", "id": "c", "name": "look", "input": {"x": 1}},
    ]
    assert body["messages"][2] == {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "c", "content": "42"}],
    }


@pytest.mark.parametrize(
    ("effort", "thinking", "output"),
    [
        ("high", {"type": "adaptive", "display": "summarized"}, {"effort": "high"}),
        ("none", {"type": "disabled"}, None),
        ("minimal", None, None),
        (None, None, None),
    ],
)
async def test_anthropic_thinks_only_when_asked(
    effort: str | None, thinking: object, output: object
) -> None:
    body = await sent_to_anthropic(a_request(reasoning_effort=effort))

    assert body.get("thinking") == thinking
    assert body.get("output_config") == output


async def test_anthropic_gets_a_limit_but_never_sampling_parameters() -> None:
    body = await sent_to_anthropic(a_request(temperature=0.2, top_p=0.9, metadata={"user": "u"}))

    assert body["max_tokens"] > 0
    assert not {"temperature", "top_p"} & set(body)
    assert body["metadata"] == {"user_id": "u"}


async def test_fireworks_never_cuts_a_prompt_silently_and_thinks_as_asked() -> None:
    async with (
        recording(FIREWORKS_ANSWER) as server,
        Fireworks(base_url=server.url, key=KEY) as adapter,
    ):
        request = a_request(reasoning_effort="low", temperature=0.2, metadata={"user": "u"})
        answer = await collect_response(adapter.stream(request, timeouts=Timeouts()))

        assert (answer.text, answer.reasoning) == ("yes", "hm")  # an answer that is not streamed
        assert server.body["context_length_exceeded_behavior"] == "error"
        assert server.body["reasoning_effort"] == "low"
        assert server.body["max_tokens"] >= 4096
        assert server.body["user"] == "u"


async def test_fireworks_is_asked_again_for_a_stream_when_it_refuses_one_piece() -> None:
    refusal = {"error": {"message": "Requests with max_tokens > 4096 must have stream=true"}}
    async with (
        recording(refusal, status=400) as server,
        Fireworks(base_url=server.url, key=KEY) as adapter,
    ):
        with pytest.raises(InvalidRequest):
            await collect_response(adapter.stream(a_request(stream=False), timeouts=Timeouts()))

        assert [body["stream"] for body in server.bodies] == [False, True]


async def test_another_refusal_of_fireworks_is_final() -> None:
    async with (
        recording({"error": {"message": "temperature is too high"}}, status=400) as server,
        Fireworks(base_url=server.url, key=KEY) as adapter,
    ):
        with pytest.raises(InvalidRequest):
            await collect_response(adapter.stream(a_request(stream=False), timeouts=Timeouts()))

        assert len(server.bodies) == 1


async def test_fireworks_gets_no_effort_unasked() -> None:
    async with (
        recording(FIREWORKS_ANSWER) as server,
        Fireworks(base_url=server.url, key=KEY) as adapter,
    ):
        await collect_response(adapter.stream(a_request(), timeouts=Timeouts()))

        assert "reasoning_effort" not in server.body


@pytest.mark.parametrize(
    ("given", "requested"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/inference", "/inference/v1/chat/completions"),
        ("/inference/v1", "/inference/v1/chat/completions"),
        ("/inference/v1/chat/completions", "/inference/v1/chat/completions"),
    ],
)
async def test_every_way_to_write_the_base_url_of_fireworks_is_understood(
    given: str, requested: str
) -> None:
    async with (
        recording(FIREWORKS_ANSWER) as server,
        Fireworks(base_url=server.url + given, key=KEY) as adapter,
    ):
        await collect_response(adapter.stream(a_request(), timeouts=Timeouts()))

        assert server.path == requested


@pytest.mark.parametrize("given", ["", "/v1", "/v1/messages"])
async def test_every_way_to_write_the_base_url_of_anthropic_is_understood(given: str) -> None:
    async with (
        recording(ANTHROPIC_ANSWER) as server,
        Anthropic(vendor="anthropic", base_url=server.url + given, key=KEY) as adapter,
    ):
        await collect_response(adapter.stream(a_request(), timeouts=Timeouts()))

        assert server.path == "/v1/messages"


async def test_anthropics_next_page_begins_after_the_last_id_and_a_name_stands_for_no_id() -> None:
    rows = [{"name": "m", "max_input_tokens": 200_000}]
    page = {"data": rows, "has_more": True, "last_id": "b"}
    async with (
        recording(page) as server,
        Anthropic(vendor="anthropic", base_url=server.url, key=KEY) as adapter,
    ):
        models = await adapter.list_models()

    assert parse_qs(urlsplit(server.path).query)["after_id"] == ["b"]
    assert {(model.id, model.context_window) for model in models} == {("m", 200_000)}
