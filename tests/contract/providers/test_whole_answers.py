"""An unstreamed answer is the same answer, through every adapter."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from providers.adapters.base import Adapter, Timeouts
from providers.chat import ChatRequest, TextDelta, Tool
from providers.chat_response import collect_response
from providers.errors import TimedOut, TimeoutPhase
from tests.support.servers.simulator import Journal

Ask = Callable[..., ChatRequest]


async def test_it_is_the_answer_that_a_stream_adds_up_to(
    adapter: Adapter, ask: Ask, journal: Journal
) -> None:
    prompt = "Write a function for fibonacci numbers"
    events = [
        event async for event in adapter.stream(ask(prompt, stream=False), timeouts=Timeouts())
    ]
    streamed = await collect_response(adapter.stream(ask(prompt), timeouts=Timeouts()))

    texts = [event.text for event in events if isinstance(event, TextDelta)]
    assert "".join(texts) == streamed.text
    asked = [entry["stream"] for entry in await journal.requests()]
    assert asked == [False, True]
    assert len(texts) == 1


async def test_reasoning_calls_and_usage_are_in_it(adapter: Adapter, ask: Ask) -> None:
    tool = Tool(name="look", description="Look it up", parameters={"type": "object"})
    options = {"tools": (tool,), "reasoning_effort": "high"}
    streamed = await collect_response(
        adapter.stream(ask("Look it up [[tool:look]]", **options), timeouts=Timeouts())
    )
    whole = await collect_response(
        adapter.stream(
            ask("Look it up [[tool:look]]", stream=False, **options), timeouts=Timeouts()
        )
    )

    assert whole.reasoning == streamed.reasoning
    assert [call.arguments for call in whole.tool_calls] == [
        call.arguments for call in streamed.tool_calls
    ]
    assert whole.usage is not None
    assert streamed.usage is not None
    assert (whole.usage.prompt, whole.usage.output) == (
        streamed.usage.prompt,
        streamed.usage.output,
    )
    assert whole.done.finish_reason is streamed.done.finish_reason


async def test_only_the_total_bounds_it(adapter: Adapter, ask: Ask) -> None:
    hasty = Timeouts(first_token=timedelta(), total=timedelta(seconds=0.3))

    with pytest.raises(TimedOut) as error:
        await collect_response(
            adapter.stream(ask("[[fault:slow-headers=30]]", stream=False), timeouts=hasty)
        )

    assert error.value.phase is TimeoutPhase.TOTAL
