"""The simulator's Responses API, checked with OpenAI's SDK."""

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseStreamEvent

MODEL = "gpt-6-sol"
LOOK: Any = {
    "type": "function",
    "name": "look",
    "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
    "strict": False,
}


@pytest.fixture
async def client(simulator: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        api_key="any", base_url=f"{simulator}/openai/v1", max_retries=0, timeout=10
    ) as sdk:
        yield sdk


async def stream(client: openai.AsyncOpenAI, prompt: str, **more: Any) -> list[ResponseStreamEvent]:
    async with await client.responses.create(
        model=MODEL, input=prompt, stream=True, **more
    ) as events:
        return [event async for event in events]


async def test_a_response_has_text_usage_and_a_status(client: openai.AsyncOpenAI) -> None:
    response = await client.responses.create(model=MODEL, input="Check for a palindrome")

    assert "def is_palindrome" in response.output_text
    assert response.status == "completed"
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


async def test_the_helper_of_the_sdk_adds_a_stream_up_to_the_response(
    client: openai.AsyncOpenAI,
) -> None:
    whole = await client.responses.create(
        model=MODEL, input="fibonacci", reasoning={"effort": "high", "summary": "auto"}
    )
    async with client.responses.stream(
        model=MODEL, input="fibonacci", reasoning={"effort": "high", "summary": "auto"}
    ) as events:
        kinds = [event.type async for event in events]
        final = await events.get_final_response()

    assert final.output_text == whole.output_text
    assert final.usage == whole.usage
    assert kinds.count("response.output_text.delta") > 50
    assert kinds.index("response.reasoning_summary_text.delta") < kinds.index(
        "response.output_text.delta"
    )
    [reasoning] = [item for item in final.output if item.type == "reasoning"]
    assert reasoning.encrypted_content
    assert reasoning.summary[0].text.startswith("Simulated reasoning")


async def test_reasoning_without_a_summary_is_counted_but_not_shown(
    client: openai.AsyncOpenAI,
) -> None:
    response = await client.responses.create(
        model=MODEL, input="fibonacci", reasoning={"effort": "high"}
    )

    assert response.usage is not None
    assert response.usage.output_tokens_details.reasoning_tokens > 20
    [reasoning] = [item for item in response.output if item.type == "reasoning"]
    assert reasoning.summary == []


async def test_tools_are_called_and_their_results_answered(client: openai.AsyncOpenAI) -> None:
    prompt = 'look {"x": 2} and look {"x": 3}'
    events = await stream(client, prompt, tools=[LOOK], reasoning={"effort": "low"})
    ended = events[-1]
    assert ended.type == "response.completed"
    calls = [item for item in ended.response.output if item.type == "function_call"]
    deltas = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == "".join(call.arguments for call in calls)
    assert [json.loads(call.arguments) for call in calls] == [{"x": 2}, {"x": 3}]

    turns: list[Any] = [{"role": "user", "content": prompt}]
    turns += [item.to_dict() for item in ended.response.output]
    results: list[Any] = [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"{n}"}
        for n, call in enumerate(calls)
    ]
    after = await client.responses.create(model=MODEL, input=[*turns, *results], tools=[LOOK])

    assert after.output_text == "Simulated answer (no model was asked): the tools gave: 0; 1"
    with pytest.raises(openai.BadRequestError, match="No tool output found"):
        await client.responses.create(model=MODEL, input=[*turns, results[0]], tools=[LOOK])
    with pytest.raises(openai.BadRequestError, match="No tool call found"):
        await client.responses.create(model=MODEL, input=results[:1], tools=[LOOK])


async def test_a_search_is_cited(client: openai.AsyncOpenAI) -> None:
    response: Response = await client.responses.create(
        model=MODEL, input="Hello", tools=[{"type": "web_search"}]
    )

    assert [item.type for item in response.output] == ["web_search_call", "message"]
    message = response.output[1]
    assert message.type == "message"
    [content] = message.content
    assert content.type == "output_text"
    [cited] = content.annotations
    assert cited.type == "url_citation"
    assert cited.url == "https://example.com/simulated"


async def test_a_schema_is_followed_and_images_are_seen(client: openai.AsyncOpenAI) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    text: Any = {"format": {"type": "json_schema", "name": "answer", "schema": schema}}
    response = await client.responses.create(model=MODEL, input="Hello", text=text)
    assert json.loads(response.output_text) == {"n": 1}

    picture: Any = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    turn: Any = {"role": "user", "content": [{"type": "input_text", "text": "Hi"}, picture]}
    seen = await client.responses.create(model=MODEL, input=[turn])
    assert seen.output_text.endswith("Files that came with it: image/png (3 bytes).")
    picture["image_url"] = "data:image/png;base64,A"
    with pytest.raises(openai.BadRequestError, match="base64"):
        await client.responses.create(model=MODEL, input=[turn])


async def test_a_limit_makes_the_response_incomplete(client: openai.AsyncOpenAI) -> None:
    events = await stream(client, "fibonacci", max_output_tokens=16)

    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details is not None
    assert events[-1].response.incomplete_details.reason == "max_output_tokens"
    with pytest.raises(openai.BadRequestError, match="max_output_tokens"):
        await stream(client, "fibonacci", max_output_tokens=15)


async def test_what_the_vendor_refuses_is_refused(client: openai.AsyncOpenAI) -> None:
    forgotten: Any = {"type": "reasoning", "id": "rs_1", "summary": []}
    with pytest.raises(openai.NotFoundError, match="Items are not persisted"):
        await client.responses.create(model=MODEL, input=[forgotten])
    with pytest.raises(openai.NotFoundError, match="Previous response not found"):
        await client.responses.create(model=MODEL, input="Hi", previous_response_id="resp_1")
    with pytest.raises(openai.RateLimitError):
        await stream(client, "Hi [[fault:429]]")


async def test_a_broken_stream_breaks_as_the_vendors(client: openai.AsyncOpenAI) -> None:
    failed = (await stream(client, "fibonacci [[fault:error-event]]"))[-1]
    assert failed.type == "error"
    assert failed.code == "server_error"
    with pytest.raises(json.JSONDecodeError):
        await stream(client, "fibonacci [[fault:bad-json]]")
    with pytest.raises(openai.APIConnectionError):
        await stream(client, "fibonacci [[fault:cut]]")
    kinds = [event.type for event in await stream(client, "fibonacci [[fault:clean-end]]")]
    assert kinds.count("response.output_text.delta") == 3
    assert kinds[-1] == "response.output_text.delta"
