"""A complete answer has content, and an end."""

from collections.abc import AsyncGenerator

import pytest

from providers.adapters.answer_check import LONGEST_ANSWER, ContentCheck
from providers.chat import (
    Done,
    Event,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    TextWasThinking,
    ToolCall,
    ToolCallDelta,
)
from providers.chat_response import ChatResponse, collect_response
from providers.errors import EmptyAnswer, MalformedResponse

STOP = Done(finish_reason=FinishReason.STOP, vendor_finish_reason="stop")
LENGTH = Done(finish_reason=FinishReason.LENGTH, vendor_finish_reason="length")
CALL = ToolCall(id="c", name="look", arguments="{}")


async def checked(*events: Event) -> AsyncGenerator[Event, None]:
    """Yield the events of a vendor that pass."""
    check = ContentCheck("a-vendor")
    for event in events:
        check.check(event)
        yield event


async def read(*events: Event) -> ChatResponse:
    return await collect_response(checked(*events))


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        pytest.param([STOP], "the answer is empty", id="nothing"),
        pytest.param([TextDelta(""), TextDelta(" \n"), STOP], "the answer is empty", id="blank"),
        pytest.param([ReasoningDelta("hm"), STOP], "only reasoning", id="only reasoning"),
        pytest.param(
            [TextDelta("hm"), TextWasThinking(), STOP], "only reasoning", id="it was thinking"
        ),
        pytest.param(
            [ReasoningDelta("hm"), LENGTH], "raise max_output_tokens", id="cut while thinking"
        ),
    ],
)
async def test_an_empty_answer_is_a_failed_call_for_another_model(
    events: list[Event], sentence: str
) -> None:
    with pytest.raises(EmptyAnswer, match=sentence) as failed:
        await read(*events)

    assert failed.value.reroute


async def test_a_word_or_a_call_is_an_answer() -> None:
    assert (await read(ReasoningDelta("hm"), TextDelta("x"), LENGTH)).text == "x"
    assert (await read(CALL, STOP)).tool_calls == (CALL,)
    answer = await read(TextDelta("hm"), TextWasThinking(), TextDelta("so"), STOP)
    assert (answer.reasoning, answer.text) == ("hm", "so")


@pytest.mark.parametrize("kind", [TextDelta, ReasoningDelta])
async def test_an_answer_of_exactly_the_longest_length_is_one_and_a_longer_is_none(
    kind: type[TextDelta] | type[ReasoningDelta],
) -> None:
    half = kind("x" * (LONGEST_ANSWER // 2 - 1))

    answer = await read(half, half, TextDelta("yy"), STOP)
    assert len(answer.text + answer.reasoning) == LONGEST_ANSWER
    with pytest.raises(MalformedResponse, match="longer than 4,000,000 characters"):
        await read(half, half, TextDelta("yyy"), STOP)
    with pytest.raises(MalformedResponse, match="longer than"):
        piece = ToolCallDelta(index=0, id="c", name="f", arguments="x" * 2)
        await read(half, half, piece, TextDelta("y"), STOP)


async def test_calls_without_arguments_do_not_go_on_for_ever() -> None:
    endless = [
        ToolCallDelta(index=each, id=f"call{each}", name="ping", arguments="")
        for each in range(100_000)
    ]

    with pytest.raises(MalformedResponse, match="longer than"):
        [each async for each in checked(*endless)]


async def test_many_pieces_of_one_call_are_one_call() -> None:
    pieces = [ToolCallDelta(index=0, id="call0", name="write", arguments="x")] * 100_000

    assert [each async for each in checked(*pieces)] == pieces
