"""Unusual streams, and answers that follow a schema, through each adapter."""

import json
from collections.abc import Callable

import pytest

from providers.adapters.base import Adapter, Timeouts
from providers.chat import ChatRequest, FinishReason, TextDelta
from providers.chat_response import collect_response

Ask = Callable[..., ChatRequest]
PATIENT = Timeouts()
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}


async def test_a_schema_is_followed(adapter: Adapter, ask: Ask) -> None:
    answer = await collect_response(
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

    answer = await collect_response(
        adapter.stream(ask(f"[[say:{text}]] [[fault:chop=1]]"), timeouts=PATIENT)
    )

    assert answer.text == text


@pytest.mark.parametrize("spec", ["max_tokens", "length"])
async def test_a_limit_in_another_vendors_word_is_a_limit(
    adapter: Adapter, ask: Ask, spec: str
) -> None:
    request = ask(f"Say it [[fault:finish={spec}]]")

    answer = await collect_response(adapter.stream(request, timeouts=PATIENT))

    assert answer.done.finish_reason is FinishReason.LENGTH
