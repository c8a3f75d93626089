"""The simulator's OpenAI format, checked with the vendor's own SDK."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageParam

MODEL = "gpt-6-sol"


@pytest.fixture
async def client(simulator: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        api_key="any", base_url=f"{simulator}/openai/v1", max_retries=0, timeout=10
    ) as sdk:
        yield sdk


def user(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


async def ask(client: openai.AsyncOpenAI, prompt: str, *, model: str = MODEL) -> ChatCompletion:
    return await client.chat.completions.create(model=model, messages=user(prompt))


async def stream(
    client: openai.AsyncOpenAI, prompt: str, *, model: str = MODEL, read_timeout: float = 10
) -> AsyncIterator[ChatCompletionChunk]:
    chunks = await client.chat.completions.create(
        model=model,
        messages=user(prompt),
        stream=True,
        stream_options={"include_usage": True},
        timeout=httpx2.Timeout(10, read=read_timeout),
    )
    async with chunks:
        async for chunk in chunks:
            yield chunk


async def test_a_completion_has_text_usage_and_a_finish_reason(
    client: openai.AsyncOpenAI,
) -> None:
    completion = await ask(client, "Check for a palindrome")

    [choice] = completion.choices
    assert "def is_palindrome" in (choice.message.content or "")
    assert choice.finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens == (
        completion.usage.prompt_tokens + completion.usage.completion_tokens
    )


async def test_a_stream_adds_up_to_the_completion_and_ends_with_usage(
    client: openai.AsyncOpenAI,
) -> None:
    whole = await ask(client, "Check for a palindrome")

    chunks = [chunk async for chunk in stream(client, "Check for a palindrome")]

    deltas = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(deltas) == whole.choices[0].message.content
    assert len(deltas) > 50
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert not any(chunk.usage for chunk in chunks[:-1])


async def test_a_stream_that_was_not_asked_for_usage_has_none(client: openai.AsyncOpenAI) -> None:
    chunks = await client.chat.completions.create(model=MODEL, messages=user("Hi"), stream=True)

    async with chunks:
        usages = [chunk.usage async for chunk in chunks]

    assert set(usages) == {None}


async def test_the_reasoning_of_its_own_models_is_counted_but_not_returned(
    client: openai.AsyncOpenAI,
) -> None:
    completion = await client.chat.completions.create(
        model=MODEL, messages=user("fibonacci"), reasoning_effort="high"
    )

    assert completion.usage is not None
    details = completion.usage.completion_tokens_details
    assert details is not None
    assert (details.reasoning_tokens or 0) > 20
    assert "reasoning_content" not in completion.choices[0].message.to_dict()


async def test_other_models_return_their_reasoning_first(client: openai.AsyncOpenAI) -> None:
    fields = [
        field
        async for chunk in stream(client, "fibonacci", model="local/deepseek-r1")
        for choice in chunk.choices
        for field, value in choice.delta.to_dict().items()
        if value and field in {"reasoning_content", "content"}
    ]

    assert fields[0] == "reasoning_content"
    assert fields == sorted(fields, reverse=True)


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
async def test_a_limit_ends_the_completion(client: openai.AsyncOpenAI, limit: str) -> None:
    completion = await client.chat.completions.create(
        model=MODEL, messages=user("fibonacci"), extra_body={limit: 10}
    )

    assert completion.choices[0].finish_reason == "length"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 10


async def test_models_are_listed(client: openai.AsyncOpenAI) -> None:
    assert MODEL in [model.id async for model in client.models.list()]


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("400", openai.BadRequestError, None),
        ("401", openai.AuthenticationError, "invalid_api_key"),
        ("429 retry_after=1.5", openai.RateLimitError, "rate_limit_exceeded"),
        ("500", openai.InternalServerError, None),
        ("503", openai.InternalServerError, None),
        ("529", openai.InternalServerError, None),
    ],
)
async def test_an_error_status_raises_the_error_of_the_sdk(
    client: openai.AsyncOpenAI, fault: str, error: type[openai.APIStatusError], code: str | None
) -> None:
    with pytest.raises(error) as caught:
        await ask(client, f"Hello [[fault:{fault}]]")

    assert (caught.value.status_code, caught.value.code) == (int(fault[:3]), code)
    assert caught.value.request_id == "req_sim000001"
    assert caught.value.response.headers.get("retry-after") == ("1.5" if "retry" in fault else None)


async def test_an_unknown_model_is_not_found(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await ask(client, "Hello", model="no-such-model")

    assert caught.value.code == "model_not_found"


async def test_the_key_invalid_is_refused(client: openai.AsyncOpenAI) -> None:
    stranger = client.with_options(api_key="invalid")

    with pytest.raises(openai.AuthenticationError):
        await ask(stranger, "Hello")
    with pytest.raises(openai.AuthenticationError):
        await stranger.models.list()


async def test_a_request_without_messages_is_refused_by_name(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="messages"):
        await client.chat.completions.create(model=MODEL, messages=[])


async def test_a_cut_stream_raises_after_the_pieces_that_were_sent(
    client: openai.AsyncOpenAI,
) -> None:
    pieces = []

    with pytest.raises(openai.APIConnectionError):
        async for chunk in stream(client, "fibonacci [[fault:cut after=4]]"):
            pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]

    assert len(pieces) == 4


async def test_a_cut_body_raises(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.APIConnectionError):
        await ask(client, "fibonacci [[fault:cut]]")


async def test_a_stalled_stream_times_out_at_the_client(
    client: openai.AsyncOpenAI, ended_request: Callable[[], Awaitable[dict[str, Any]]]
) -> None:
    with pytest.raises(openai.APITimeoutError):
        async for _ in stream(client, "fibonacci [[fault:stall]]", read_timeout=2):
            pass

    assert (await ended_request())["aborted_by_client"]


async def test_a_stalled_body_times_out_at_the_client(
    client: openai.AsyncOpenAI,
) -> None:
    with pytest.raises(openai.APITimeoutError):
        await ask(client.with_options(timeout=0.5), "fibonacci [[fault:stall]]")


async def test_a_clean_end_brings_no_finish_reason(client: openai.AsyncOpenAI) -> None:
    chunks = [chunk async for chunk in stream(client, "fibonacci [[fault:clean-end]]")]
    whole = await ask(client, "fibonacci [[fault:clean-end]]")

    assert {choice.finish_reason for chunk in chunks for choice in chunk.choices} == {None}
    assert len(chunks) == 4
    assert whole.choices[0].finish_reason is None


async def test_malformed_json_raises_while_reading(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(json.JSONDecodeError):
        async for _ in stream(client, "fibonacci [[fault:bad-json]]"):
            pass
    with pytest.raises(json.JSONDecodeError):
        await ask(client, "fibonacci [[fault:bad-json]]")


async def test_an_error_event_raises_without_a_status(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.APIError) as caught:
        async for _ in stream(client, "fibonacci [[fault:error-event]]"):
            pass

    assert not isinstance(caught.value, openai.APIStatusError)
    assert caught.value.type == "server_error"


async def test_faults_come_by_header_as_well(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        await client.chat.completions.create(
            model=MODEL, messages=user("Hello"), extra_headers={"x-cogo-fault": "429"}
        )


async def test_an_unknown_fault_is_refused_with_a_list_of_the_allowed_ones(
    client: openai.AsyncOpenAI,
) -> None:
    with pytest.raises(openai.BadRequestError, match="unknown fault 'explode'; allowed: 400"):
        await ask(client, "Hello [[fault:explode]]")
