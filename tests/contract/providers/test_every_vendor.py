"""Laws for every vendor: reasoning, tools, errors, lists."""

import json
from collections.abc import AsyncIterator, Callable

import pytest

from providers.adapters.base import Adapter, Timeouts
from providers.chat import (
    ChatRequest,
    Event,
    FinishReason,
    Message,
    Tool,
    ToolCallDelta,
    collect_response,
)
from providers.errors import AuthenticationFailed, ModelNotFound, RateLimited
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
ARGUMENTS = {"city": "Zürich", "days": 1}
HANDING_BACK = {"anthropic", "deepseek", "fireworks", "gemini", "openai", "openrouter"}
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


async def test_text_reasoning_and_usage_come_apart(adapter: Adapter, ask: Ask) -> None:
    answer = await collect_response(adapter.stream(ask(reasoning_effort="high"), timeouts=PATIENT))

    assert answer.text.startswith("Simulated answer")
    assert "<think>" not in answer.text
    assert "Simulated reasoning" in answer.reasoning
    counts = counts_of(answer.usage)
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


async def test_models_are_listed(adapter: Adapter) -> None:
    models = await adapter.list_models()

    assert models
    assert not [model.id for model in models if "embedding" in model.id]
