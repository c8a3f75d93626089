"""Calls of tools, files and searches of the simulator, checked with the vendors' own SDKs."""

import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import types

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"x": {"type": "integer"}}}
PROMPT = 'look {"x": 2} and look {"x": 3}'
PNG = "AAAA"


async def test_anthropic_wants_all_results_at_once_and_reads_images_in_them(simulator: str) -> None:
    tools: Any = [{"name": "look", "input_schema": SCHEMA}]
    async with anthropic.AsyncAnthropic(
        api_key="any", base_url=f"{simulator}/anthropic", max_retries=0, timeout=10
    ) as client:

        async def ask(*turns: Any, **more: Any) -> anthropic.types.Message:
            message: anthropic.types.Message = await client.messages.create(
                model="claude-sonnet-5-5",
                max_tokens=1000,
                messages=[{"role": "user", "content": PROMPT}, *turns],
                tools=tools,
                **more,
            )
            return message

        message = await ask()
        calls = [block for block in message.content if block.type == "tool_use"]
        assert [call.input for call in calls] == [{"x": 2}, {"x": 3}]
        source = {"type": "base64", "media_type": "image/png", "data": PNG}
        image = [{"type": "image", "source": source}]
        turn = {"role": "assistant", "content": message.content}
        results = [
            {"type": "tool_result", "tool_use_id": calls[0].id, "content": "4"},
            {"type": "tool_result", "tool_use_id": calls[1].id, "content": image},
        ]

        after = await ask(turn, {"role": "user", "content": results})

        assert after.content[0].type == "text"
        assert "the tools gave: 4; " in after.content[0].text
        assert after.content[0].text.endswith("image/png (3 bytes).")
        with pytest.raises(anthropic.BadRequestError, match="without tool_result blocks"):
            await ask(turn, {"role": "user", "content": results[:1]})
        source["data"] = "A"
        with pytest.raises(anthropic.BadRequestError, match="Could not process image"):
            await ask(turn, {"role": "user", "content": results})
        one: Any = {"type": "auto", "disable_parallel_tool_use": True}
        alone = await ask(tool_choice=one)
        assert len([block for block in alone.content if block.type == "tool_use"]) == 1


async def test_anthropic_counts_what_it_writes_to_the_cache_and_cites_searches(
    simulator: str,
) -> None:
    cached: Any = {"type": "text", "text": "x" * 4000, "cache_control": {"type": "ephemeral"}}
    search: Any = {"type": "web_search_20250305", "name": "web_search"}
    async with (
        anthropic.AsyncAnthropic(
            api_key="any", base_url=f"{simulator}/anthropic", max_retries=0, timeout=10
        ) as client,
        client.messages.stream(
            model="claude-sonnet-5-5",
            max_tokens=1000,
            messages=[{"role": "user", "content": [cached]}],
            tools=[search],
        ) as events,
    ):
        message = await events.get_final_message()

    kinds = [block.type for block in message.content]
    assert kinds == ["server_tool_use", "web_search_tool_result", "text"]
    assert message.content[2].type == "text"
    [cited] = message.content[2].citations or []
    assert cited.type == "web_search_result_location"
    assert message.usage.server_tool_use is not None
    assert message.usage.server_tool_use.web_search_requests == 1
    assert message.usage.cache_creation_input_tokens == 960
    assert message.usage.input_tokens == 40


async def test_chat_completions_stream_parallel_calls_and_name_images(simulator: str) -> None:
    tools: Any = [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}]
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    async with openai.AsyncOpenAI(
        api_key="any", base_url=f"{simulator}/openai/v1", max_retries=0, timeout=10
    ) as client:
        async with client.chat.completions.stream(
            model="gpt-4o", messages=[{"role": "user", "content": PROMPT}], tools=tools
        ) as events:
            whole = await events.get_final_completion()
        [choice] = whole.choices
        calls = choice.message.tool_calls or []
        assert [json.loads(call.function.arguments) for call in calls] == [{"x": 2}, {"x": 3}]
        assert choice.finish_reason == "tool_calls"
        turn: Any = {"role": "user", "content": [{"type": "text", "text": "Hi"}, picture]}
        seen = await client.chat.completions.create(model="gpt-4o", messages=[turn])
        assert (seen.choices[0].message.content or "").endswith("image/png (3 bytes).")
        flawed = await client.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": "look [[fault:bad-arguments]]"}],
            tools=tools,
        )
        [call] = flawed.choices[0].message.tool_calls or []
        assert call.type == "function"
        with pytest.raises(json.JSONDecodeError):
            json.loads(call.function.arguments)


async def test_gemini_calls_the_allowed_function_sees_images_and_grounds_answers(
    simulator: str,
) -> None:
    declared = [
        types.FunctionDeclaration(name=name, parameters_json_schema=SCHEMA)
        for name in ("look", "save")
    ]
    calling = types.FunctionCallingConfig(
        mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["save"]
    )
    forced = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=declared)],
        tool_config=types.ToolConfig(function_calling_config=calling),
    )
    searching = types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])
    picture = types.Part.from_bytes(data=b"png", mime_type="image/png")
    async with httpx2.AsyncClient(trust_env=False) as http:
        options = types.HttpOptions(
            base_url=f"{simulator}/gemini", api_version="v1beta", httpx_async_client=http
        )
        client = genai.Client(api_key="a-key", http_options=options).aio
        model = "gemini-3.8-flash"
        called = await client.models.generate_content(model=model, contents=PROMPT, config=forced)
        parts: list[Any] = ["Hello", picture]
        found = await client.models.generate_content(model=model, contents=parts, config=searching)
        await client.aclose()

    assert [call.name for call in called.function_calls or ()] == ["save"]
    assert (found.text or "").endswith("Files that came with it: image/png (3 bytes).")
    [candidate] = found.candidates or []
    assert candidate.grounding_metadata is not None
    [chunk] = candidate.grounding_metadata.grounding_chunks or []
    assert chunk.web is not None
    assert chunk.web.uri == "https://example.com/simulated"
