"""Laws for every vendor: reasoning, tools, errors, lists."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from providers.adapters.base import Adapter, Timeouts
from providers.chat import (
    Attachment,
    ChatRequest,
    Citation,
    Event,
    FinishReason,
    Message,
    NamedTool,
    Tool,
    ToolCallDelta,
)
from providers.chat_response import ChatResponse, collect_response
from providers.errors import AuthenticationFailed, ModelNotFound, NotSupported, RateLimited
from tests.contract.providers.conftest import BASE_URLS
from tests.support.token_counts import counts_of

Ask = Callable[..., ChatRequest]
PATIENT = Timeouts()
WEATHER = Tool(
    name="get_weather",
    description="The weather of a city",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Zürich"]}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
)
LOOK = Tool(
    name="look",
    description="Looks",
    parameters={"type": "object", "properties": {"x": {"type": "integer"}}},
)
SAVE = Tool(name="save", description="Saves", parameters={"type": "object"})
ARGUMENTS = {"city": "Zürich", "days": 1}
HANDING_BACK = {"anthropic", "deepseek", "fireworks", "gemini", "ollama", "openai", "openrouter"}
"""Vendors that need their reasoning back in a tool loop."""


async def replayed(events: list[Event]) -> AsyncIterator[Event]:
    """Yield the events that were read."""
    for event in events:
        yield event


@pytest.fixture(params=sorted(BASE_URLS))
def vendor(request: pytest.FixtureRequest) -> str:
    """Return each vendor in turn, also those that share an adapter."""
    name: str = request.param
    return name


async def test_text_reasoning_and_usage_come_apart(adapter: Adapter, ask: Ask, vendor: str) -> None:
    answer = await collect_response(adapter.stream(ask(reasoning_effort="high"), timeouts=PATIENT))

    assert answer.text.startswith("Simulated answer")
    assert "<think>" not in answer.text
    assert "Simulated reasoning" in answer.reasoning
    usage = answer.usage
    if vendor == "ollama" and usage is not None:
        assert usage.reasoning is None  # not counted apart
        usage = replace(usage, reasoning=0)
    counts = counts_of(usage)
    assert counts.prompt > 0
    assert counts.output > counts.reasoning >= 0
    assert answer.done.finish_reason is FinishReason.STOP


async def test_a_tool_is_called_and_its_result_answered(
    adapter: Adapter, ask: Ask, vendor: str
) -> None:
    question = ask("Call get_weather for Zürich", tools=(WEATHER,), reasoning_effort="high")

    events = [event async for event in adapter.stream(question, timeouts=PATIENT)]

    answer = await collect_response(replayed(events))
    [call] = answer.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("get_weather", ARGUMENTS)
    assert call.id
    assert answer.done.finish_reason is FinishReason.TOOL_CALLS
    pieces = [event.arguments for event in events if isinstance(event, ToolCallDelta)]
    assert json.loads("".join(pieces)) == ARGUMENTS

    assert (answer.done.replay is not None) is (vendor in HANDING_BACK)

    turns = (
        *question.messages,
        Message(
            role="assistant",
            content=answer.text,
            tool_calls=answer.tool_calls,
            replay=answer.done.replay,
        ),
        Message(role="tool", content='{"sky": "clear"}', tool_call_id=call.id),
    )
    after = await collect_response(
        adapter.stream(ask(tools=(WEATHER,), messages=turns), timeouts=PATIENT)
    )
    assert after.text
    assert not after.tool_calls


async def test_parallel_calls_failures_and_images_go_through_a_loop_of_several_turns(
    adapter: Adapter, ask: Ask
) -> None:
    prompt = 'look {"x": 1} and look {"x": 2}, then save {"y": "Zürich"}'
    fields: dict[str, Any] = {"tools": (LOOK, SAVE), "reasoning_effort": "high"}
    picture = Attachment(media_type="image/png", data=b"png", name="a.png")
    turns: list[Message] = [Message(role="user", content=prompt, attachments=(picture,))]
    answers: list[ChatResponse] = []
    for _ in range(3):
        request = ask(messages=tuple(turns), **fields)
        answer = await collect_response(adapter.stream(request, timeouts=PATIENT))
        answers.append(answer)
        turns.append(
            Message(
                role="assistant",
                content=answer.text,
                tool_calls=answer.tool_calls,
                replay=answer.done.replay,
            )
        )
        turns += [
            Message(
                role="tool",
                content=f"result {place}",
                tool_call_id=call.id,
                is_error=place == 1,
                attachments=(picture,) if place == 0 else (),
            )
            for place, call in enumerate(answer.tool_calls)
        ]

    assert [
        [(call.name, json.loads(call.arguments)) for call in answer.tool_calls]
        for answer in answers
    ] == [
        [("look", {"x": 1}), ("look", {"x": 2})],
        [("save", {"y": "Zürich"})],
        [],
    ]
    assert answers[-1].done.finish_reason is FinishReason.STOP
    for piece in ("the tools gave: ", "result 0", "result 1"):
        assert piece in answers[-1].text


async def test_a_tool_is_called_that_the_prompt_does_not_name_if_it_must_be(
    adapter: Adapter, ask: Ask
) -> None:
    for choice in ("required", NamedTool("look")):
        request = ask("Hello", tools=(LOOK, SAVE), tool_choice=choice)
        answer = await collect_response(adapter.stream(request, timeouts=PATIENT))
        assert [call.name for call in answer.tool_calls] == ["look"]
    forbidden = ask("Please look", tools=(LOOK,), tool_choice="none")
    assert not (await collect_response(adapter.stream(forbidden, timeouts=PATIENT))).tool_calls


async def test_images_are_seen(adapter: Adapter, ask: Ask, vendor: str) -> None:
    picture = Attachment(media_type="image/png", data=b"png")
    linked = Attachment(media_type="image/png", url="https://example.com/a.png")
    turn = Message(role="user", content="Hello", attachments=(picture, linked))
    came = "Files that came with it: image/png (3 bytes), https://example.com/a.png."
    if vendor == "ollama":  # it fetches none
        with pytest.raises(NotSupported, match="images by value"):
            await collect_response(adapter.stream(ask(messages=(turn,)), timeouts=PATIENT))
        turn = replace(turn, attachments=(picture,))
        came = "Files that came with it: image/png (3 bytes)."

    answer = await collect_response(adapter.stream(ask(messages=(turn,)), timeouts=PATIENT))

    assert answer.text.endswith(came)


@pytest.mark.parametrize("vendor", ["anthropic", "gemini", "openai", "xai"])
@pytest.mark.parametrize("streamed", [True, False])
async def test_vendors_search_the_web_and_cite_what_they_found(
    adapter: Adapter, ask: Ask, streamed: bool
) -> None:
    request = ask("Hello", web_search=True, stream=streamed)

    answer = await collect_response(adapter.stream(request, timeouts=PATIENT))

    assert answer.citations == (
        Citation(url="https://example.com/simulated", title="A simulated source"),
    )
    assert answer.usage is not None
    assert answer.usage.searches == 1


async def test_errors_in_every_vendors_own_form_have_their_class_and_message(
    adapter_with_key: Callable[[str], Adapter], ask: Ask
) -> None:
    adapter = adapter_with_key("a-key")
    with pytest.raises(RateLimited, match="Simulated 429") as limited:
        await collect_response(adapter.stream(ask("[[fault:429 retry_after=7]]"), timeouts=PATIENT))
    assert limited.value.retry_after is not None
    assert limited.value.retry_after.total_seconds() == 7
    with pytest.raises(ModelNotFound, match="no-such-model"):
        await collect_response(adapter.stream(ask(model="no-such-model"), timeouts=PATIENT))
    with pytest.raises(AuthenticationFailed):
        await collect_response(adapter_with_key("invalid").stream(ask(), timeouts=PATIENT))


async def test_models_are_listed(adapter: Adapter, vendor: str) -> None:
    models = await adapter.list_models()

    assert models
    if vendor == "lmstudio":
        return  # its list does not tell embedding models apart
    assert not [model.id for model in models if "embedding" in model.id]
