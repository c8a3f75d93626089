"""The simulator's Gemini format, checked with Google's own SDK."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import errors, types

MODEL = "gemini-3.8-flash"


@pytest.fixture
async def client(simulator: str) -> AsyncIterator[genai.client.AsyncClient]:
    async with httpx2.AsyncClient(
        trust_env=False
    ) as http:  # otherwise it uses aiohttp, which warns
        options = types.HttpOptions(
            base_url=f"{simulator}/gemini", api_version="v1beta", httpx_async_client=http
        )
        client = genai.Client(api_key="a-key", http_options=options).aio
        yield client
        await client.aclose()


async def test_thoughts_text_and_their_counts_come_apart(client: genai.client.AsyncClient) -> None:
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.HIGH)
    config = types.GenerateContentConfig(thinking_config=thinking)

    stream = await client.models.generate_content_stream(
        model=MODEL, contents="Write fibonacci", config=config
    )
    responses = [response async for response in stream]

    candidates = [each for response in responses for each in response.candidates or ()]
    parts = [part for each in candidates if each.content for part in each.content.parts or ()]
    assert any(part.thought and part.text for part in parts)
    assert "simulated" in "".join(p.text or "" for p in parts if not p.thought).lower()
    assert candidates[-1].finish_reason is types.FinishReason.STOP
    usage = responses[-1].usage_metadata
    assert usage is not None
    assert (usage.thoughts_token_count or 0) > 0


async def test_a_call_comes_with_its_signature(client: genai.client.AsyncClient) -> None:
    declared = types.FunctionDeclaration(name="look", parameters_json_schema={"type": "object"})
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[declared])])

    response = await client.models.generate_content(
        model=MODEL, contents="Please look", config=config
    )

    assert [call.name for call in response.function_calls or ()] == ["look"]
    [part] = [part for part in response.parts or () if part.function_call]
    assert part.thought_signature


async def test_errors_and_embeddings_have_the_format_of_google(
    client: genai.client.AsyncClient,
) -> None:
    with pytest.raises(errors.ClientError) as raised:
        await client.models.generate_content(model=MODEL, contents="[[fault:429 retry_after=3]]")
    assert (raised.value.code, raised.value.status) == (429, "RESOURCE_EXHAUSTED")

    texts: list[Any] = ["a", "b"]
    found = await client.models.embed_content(model="gemini-embedding-001", contents=texts)
    assert [len(each.values or ()) for each in found.embeddings or ()] == [64, 64]
