"""The simulator's Anthropic format, checked with the vendor's own SDK."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types import Message, MessageParam, RawMessageStreamEvent

MODEL = "claude-sonnet-5-5"


@pytest.fixture
async def client(simulator: str) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(
        api_key="any", base_url=f"{simulator}/anthropic", max_retries=0, timeout=10
    ) as sdk:
        yield sdk


def user(text: str) -> list[MessageParam]:
    return [{"role": "user", "content": text}]


async def ask(client: anthropic.AsyncAnthropic, prompt: str, *, model: str = MODEL) -> Message:
    return await client.messages.create(model=model, max_tokens=1000, messages=user(prompt))


async def stream(
    client: anthropic.AsyncAnthropic, prompt: str, *, read_timeout: float = 10
) -> AsyncIterator[RawMessageStreamEvent]:
    timeout = httpx2.Timeout(10, read=read_timeout)
    events = await client.messages.create(
        model=MODEL, max_tokens=1000, messages=user(prompt), stream=True, timeout=timeout
    )
    async with events:
        async for event in events:
            yield event


async def test_a_message_has_text_usage_and_a_stop_reason(
    client: anthropic.AsyncAnthropic,
) -> None:
    message = await ask(client, "Write a fibonacci function")

    [block] = message.content
    assert block.type == "text"
    assert "def fibonacci" in block.text
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens == 7
    assert message.usage.output_tokens == -(-len(block.text) // 4)


async def test_a_stream_adds_up_to_the_message(client: anthropic.AsyncAnthropic) -> None:
    whole = await ask(client, "Write a fibonacci function")

    async with client.messages.stream(
        model=MODEL, max_tokens=1000, messages=user("Write a fibonacci function")
    ) as events:
        kinds = [event.type async for event in events]
        streamed = await events.get_final_message()

    assert [block.to_dict() for block in streamed.content] == [
        block.to_dict() for block in whole.content
    ]
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert streamed.stop_reason == "end_turn"
    assert kinds.count("text") > 50
    assert kinds[-1] == "message_stop"


async def test_thinking_comes_first_and_is_signed(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(
        model=MODEL,
        max_tokens=1000,
        messages=user("Write a fibonacci function"),
        thinking={"type": "adaptive"},
    ) as events:
        message = await events.get_final_message()

    thinking, text = message.content
    assert thinking.type == "thinking"
    assert thinking.thinking.startswith("Simulated reasoning")
    assert thinking.signature
    assert text.type == "text"
    assert message.usage.output_tokens_details is not None
    assert message.usage.output_tokens_details.thinking_tokens > 20


async def test_omitted_thinking_is_counted_but_not_returned(
    client: anthropic.AsyncAnthropic,
) -> None:
    message = await client.messages.create(
        model=MODEL,
        max_tokens=1000,
        messages=user("fibonacci"),
        thinking={"type": "adaptive", "display": "omitted"},
    )

    thinking = message.content[0]
    assert thinking.type == "thinking"
    assert thinking.thinking == ""
    assert message.usage.output_tokens_details is not None
    assert message.usage.output_tokens_details.thinking_tokens > 20


async def test_reasoning_can_be_switched_off_for_a_model_that_always_reasons(
    client: anthropic.AsyncAnthropic,
) -> None:
    unasked = await ask(client, "fibonacci", model="claude-reasoner")
    disabled = await client.messages.create(
        model="claude-reasoner",
        max_tokens=1000,
        messages=user("fibonacci"),
        thinking={"type": "disabled"},
    )

    assert [block.type for block in unasked.content] == ["thinking", "text"]
    assert [block.type for block in disabled.content] == ["text"]


async def test_a_limit_ends_the_message(client: anthropic.AsyncAnthropic) -> None:
    message = await client.messages.create(
        model=MODEL, max_tokens=10, messages=user("Write a fibonacci function")
    )

    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 10


async def test_a_cached_context_is_counted_apart_from_the_input(
    client: anthropic.AsyncAnthropic,
) -> None:
    plain = await client.messages.create(
        model=MODEL, max_tokens=9, system="s" * 400, messages=user("Hello")
    )
    cached = await client.messages.create(
        model=MODEL,
        max_tokens=9,
        system=[{"type": "text", "text": "s" * 400, "cache_control": {"type": "ephemeral"}}],
        messages=user("Hello"),
    )

    assert (plain.usage.input_tokens, plain.usage.cache_read_input_tokens) == (102, 0)
    assert (cached.usage.input_tokens, cached.usage.cache_read_input_tokens) == (38, 64)


async def test_models_are_listed(client: anthropic.AsyncAnthropic) -> None:
    ids = [model.id async for model in client.models.list()]

    assert MODEL in ids


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("400", anthropic.BadRequestError, "invalid_request_error"),
        ("401", anthropic.AuthenticationError, "authentication_error"),
        ("403", anthropic.PermissionDeniedError, "permission_error"),
        ("429 retry_after=7", anthropic.RateLimitError, "rate_limit_error"),
        ("500", anthropic.InternalServerError, "api_error"),
        ("529", anthropic.InternalServerError, "overloaded_error"),
    ],
)
async def test_an_error_status_raises_the_error_of_the_sdk(
    client: anthropic.AsyncAnthropic,
    fault: str,
    error: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    with pytest.raises(error) as caught:
        await ask(client, f"Hello [[fault:{fault}]]")

    assert caught.value.status_code == int(fault[:3])
    assert caught.value.type == kind
    assert caught.value.request_id == "req_sim000001"
    assert caught.value.response.headers.get("retry-after") == ("7" if "retry" in fault else None)
    assert caught.value.response.headers["x-cogo-simulated"] == "true"


async def test_an_unknown_model_is_not_found(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="no-such-model-1"):
        await ask(client, "Hello", model="no-such-model-1")


async def test_the_key_invalid_is_refused_in_either_header(
    client: anthropic.AsyncAnthropic,
) -> None:
    for header in ({"x-api-key": "invalid"}, {"authorization": "Bearer invalid"}):
        stranger = client.with_options(default_headers=header)
        with pytest.raises(anthropic.AuthenticationError):
            await ask(stranger, "Hello")
        with pytest.raises(anthropic.AuthenticationError):
            await stranger.models.list()


async def test_sampling_is_refused_by_the_new_version_and_taken_by_the_old_one(
    client: anthropic.AsyncAnthropic,
) -> None:
    async def build_sample(**headers: str) -> Message:
        return await client.messages.create(
            model=MODEL,
            max_tokens=9,
            messages=user("Hello"),
            extra_body={"temperature": 0.5},
            extra_headers=headers,
        )

    with pytest.raises(anthropic.BadRequestError, match="temperature"):
        await build_sample()
    assert (await build_sample(**{"anthropic-version": "2023-06-01"})).content


async def test_a_cut_stream_raises_after_the_pieces_that_were_sent(
    client: anthropic.AsyncAnthropic,
) -> None:
    pieces = 0

    with pytest.raises(httpx2.RemoteProtocolError):
        async for event in stream(client, "fibonacci [[fault:cut after=4]]"):
            pieces += event.type == "content_block_delta"

    assert pieces == 4


async def test_a_stalled_stream_times_out_at_the_client(
    client: anthropic.AsyncAnthropic, ended_request: Callable[[], Awaitable[dict[str, Any]]]
) -> None:
    pieces = 0

    with pytest.raises(httpx2.ReadTimeout):
        async for event in stream(client, "fibonacci [[fault:stall after=2]]", read_timeout=2):
            pieces += event.type == "content_block_delta"

    assert pieces == 2
    assert (await ended_request())["aborted_by_client"]


async def test_a_clean_end_brings_no_stop_reason(client: anthropic.AsyncAnthropic) -> None:
    kinds = [event.type async for event in stream(client, "fibonacci [[fault:clean-end]]")]

    assert kinds.count("content_block_delta") == 3
    assert "message_delta" not in kinds
    assert "message_stop" not in kinds


async def test_malformed_json_raises_while_reading(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(json.JSONDecodeError):
        async for _ in stream(client, "fibonacci [[fault:bad-json]]"):
            pass
    with pytest.raises(json.JSONDecodeError):
        await ask(client, "fibonacci [[fault:bad-json]]")


async def test_an_error_event_raises_under_status_200(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        async for _ in stream(client, "fibonacci [[fault:error-event]]"):
            pass

    assert (caught.value.status_code, caught.value.type) == (200, "overloaded_error")


async def test_slow_headers_run_into_the_timeout_of_the_client(
    client: anthropic.AsyncAnthropic,
) -> None:
    with pytest.raises(anthropic.APITimeoutError):
        async with asyncio.timeout(30):
            async for _ in stream(client, "Hello [[fault:slow-headers=60]]", read_timeout=0.5):
                pass


async def test_a_fault_with_times_lets_the_retry_succeed(
    client: anthropic.AsyncAnthropic,
) -> None:
    with pytest.raises(anthropic.InternalServerError):
        await ask(client, "Hello [[fault:529 times=1]]")

    assert (await ask(client, "Hello [[fault:529 times=1]]")).content
