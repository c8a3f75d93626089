"""Awkward streams, and answers that follow a schema, through each adapter."""

import json
from collections.abc import Callable

from providers.adapter import Adapter, Timeouts
from providers.chat import ChatRequest, FinishReason, TextDelta, complete

Ask = Callable[..., ChatRequest]
PATIENT = Timeouts()
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}


async def test_a_schema_is_followed(adapter: Adapter, ask: Ask) -> None:
    answer = await complete(
        adapter.stream(ask("Give a number", response_schema=SCHEMA), timeouts=PATIENT)
    )

    assert isinstance(json.loads(answer.text), dict)


async def test_a_thousand_chunks_are_all_there(adapter: Adapter, ask: Ask) -> None:
    request = ask("[[pieces:1000]]", max_output_tokens=16_000)

    events = [event async for event in adapter.stream(request, timeouts=PATIENT)]

    deltas = [event for event in events if isinstance(event, TextDelta)]
    assert len(deltas) == 1000
    assert "".join(event.text for event in deltas).split() == [f"w{n}" for n in range(1000)]


async def test_characters_may_be_split_between_packets(adapter: Adapter, ask: Ask) -> None:
    text = "Zürich 🚀 ≠ 東京"

    answer = await complete(
        adapter.stream(ask(f"[[say:{text}]] [[fault:chop=1]]"), timeouts=PATIENT)
    )

    assert answer.text == text


async def test_an_empty_answer_is_an_answer(adapter: Adapter, ask: Ask) -> None:
    answer = await complete(adapter.stream(ask("[[say:]]"), timeouts=PATIENT))

    assert answer.text == ""
    assert answer.done.finish_reason is FinishReason.STOP
