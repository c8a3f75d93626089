"""The simulator's Fireworks format, checked with the vendor's own SDK."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import fireworks
import httpx
import openai
import pytest
from fireworks.types.chat import ChatCompletionChunk, CompletionCreateResponse

MODEL = "accounts/fireworks/models/glm-5p3-flash"
REASONING_MODEL = "accounts/fireworks/models/deepseek-v4p1-flash"


@pytest.fixture
async def client(simulator: str) -> AsyncIterator[fireworks.AsyncFireworks]:
    async with fireworks.AsyncFireworks(
        api_key="any", base_url=f"{simulator}/fireworks", max_retries=0, timeout=10
    ) as sdk:
        yield sdk


async def ask(
    client: fireworks.AsyncFireworks, prompt: str, *, model: str = MODEL
) -> CompletionCreateResponse:
    return await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": prompt}]
    )


async def stream(
    client: fireworks.AsyncFireworks, prompt: str, *, model: str = MODEL, read_timeout: float = 10
) -> AsyncIterator[ChatCompletionChunk]:
    chunks = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": prompt}],
        stream=True,
        timeout=httpx.Timeout(10, read=read_timeout),
    )
    async with chunks:
        async for chunk in chunks:
            yield chunk


async def test_a_completion_has_text_usage_and_a_finish_reason(
    client: fireworks.AsyncFireworks,
) -> None:
    completion = await ask(client, "Implement an LRU cache")

    [choice] = completion.choices
    assert "class LRUCache" in str(choice.message.content)
    assert choice.finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == -(-len(str(choice.message.content)) // 4)


async def test_a_stream_adds_up_and_brings_usage_unasked_in_its_last_chunk(
    client: fireworks.AsyncFireworks,
) -> None:
    whole = await ask(client, "Implement an LRU cache")

    chunks = [chunk async for chunk in stream(client, "Implement an LRU cache")]

    deltas = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(deltas) == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].usage == whole.usage
    assert not any(chunk.usage for chunk in chunks[:-1])


async def test_reasoning_comes_first_and_in_both_modes(client: fireworks.AsyncFireworks) -> None:
    whole = await ask(client, "fibonacci", model=REASONING_MODEL)

    deltas = [
        chunk.choices[0].delta async for chunk in stream(client, "fibonacci", model=REASONING_MODEL)
    ]

    reasoning = [delta.reasoning_content for delta in deltas if delta.reasoning_content]
    first_text = next(i for i, delta in enumerate(deltas) if delta.content)
    assert "".join(reasoning) == whole.choices[0].message.reasoning_content
    assert not any(delta.reasoning_content for delta in deltas[first_text:])


async def test_effort_turns_reasoning_on_and_none_turns_it_off(
    client: fireworks.AsyncFireworks,
) -> None:
    async def reasoning(model: str, effort: str) -> str | None:
        completion = await client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "fibonacci"}],
            extra_body={"reasoning_effort": effort},
        )
        return completion.choices[0].message.reasoning_content

    assert await reasoning(MODEL, "low")
    assert await reasoning(REASONING_MODEL, "none") is None


async def test_a_limit_ends_the_completion(client: fireworks.AsyncFireworks) -> None:
    completion = await client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "fibonacci"}], max_tokens=10
    )

    assert completion.choices[0].finish_reason == "length"


async def test_the_models_of_the_account_are_listed_page_by_page(
    client: fireworks.AsyncFireworks,
) -> None:
    names = [model.name async for model in client.models.list(account_id="fireworks", page_size=4)]

    assert MODEL in names
    assert len(names) == len(set(names)) > 4


async def test_the_openai_sdk_finds_its_paths_below_inference(simulator: str) -> None:
    async with openai.AsyncOpenAI(
        api_key="any", base_url=f"{simulator}/fireworks/inference/v1", max_retries=0
    ) as sdk:
        completion = await sdk.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "Hello"}]
        )
        ids = [model.id async for model in sdk.models.list()]

    assert "Simulated" in (completion.choices[0].message.content or "")
    assert MODEL in ids


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("400", fireworks.BadRequestError),
        ("401", fireworks.AuthenticationError),
        ("429 retry_after=2", fireworks.RateLimitError),
        ("500", fireworks.InternalServerError),
        ("503", fireworks.InternalServerError),
        ("529", fireworks.InternalServerError),
    ],
)
async def test_an_error_status_raises_the_error_of_the_sdk(
    client: fireworks.AsyncFireworks, fault: str, error: type[fireworks.APIStatusError]
) -> None:
    with pytest.raises(error) as caught:
        await ask(client, f"Hello [[fault:{fault}]]")

    assert caught.value.status_code == int(fault[:3])
    assert caught.value.response.headers.get("retry-after") == ("2" if "retry" in fault else None)


async def test_an_unknown_model_is_not_found(client: fireworks.AsyncFireworks) -> None:
    with pytest.raises(fireworks.NotFoundError) as caught:
        await ask(client, "Hello", model="accounts/fireworks/models/no-such-model")

    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["code"] == "NOT_FOUND"


async def test_the_key_invalid_is_refused(client: fireworks.AsyncFireworks) -> None:
    with pytest.raises(fireworks.AuthenticationError):
        await ask(client.with_options(api_key="invalid"), "Hello")


async def test_a_cut_stream_raises_after_the_pieces_that_were_sent(
    client: fireworks.AsyncFireworks,
) -> None:
    pieces = 0

    with pytest.raises(httpx.TransportError):
        async for chunk in stream(client, "fibonacci [[fault:cut after=4]]"):
            pieces += bool(chunk.choices[0].delta.content)

    assert pieces == 4


async def test_a_stalled_stream_times_out_at_the_client(
    client: fireworks.AsyncFireworks, ended_request: Callable[[], Awaitable[dict[str, Any]]]
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        async for _ in stream(client, "fibonacci [[fault:stall]]", read_timeout=2):
            pass

    assert (await ended_request())["aborted_by_client"]


async def test_a_clean_end_brings_no_finish_reason(client: fireworks.AsyncFireworks) -> None:
    chunks = [chunk async for chunk in stream(client, "fibonacci [[fault:clean-end]]")]

    assert {chunk.choices[0].finish_reason for chunk in chunks} == {None}
    assert chunks[-1].usage is None


async def test_malformed_json_raises_while_reading(client: fireworks.AsyncFireworks) -> None:
    with pytest.raises(json.JSONDecodeError):
        async for _ in stream(client, "fibonacci [[fault:bad-json]]"):
            pass


async def test_an_error_event_is_a_chunk_without_choices(
    client: fireworks.AsyncFireworks,
) -> None:
    chunks = [chunk async for chunk in stream(client, "fibonacci [[fault:error-event]]")]

    assert chunks[-1].to_dict()["error"]
    assert not chunks[-1].choices
