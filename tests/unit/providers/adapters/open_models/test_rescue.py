"""Answers that errors quote, and answers of any shape."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.adapters.open_models.reading import NOTE_RESCUED, AnswerReader
from providers.chat import (
    Done,
    Event,
    FinishReason,
    ReasoningDelta,
    TextCalls,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)
from providers.errors import LostAnswer
from tests.support.tool_calls.events import CALL, a_request, done, feed, read


def rescue(lost: LostAnswer, *before: str) -> list[Event]:
    reader = AnswerReader(a_request())
    feed(reader, *before)
    return reader.rescue(lost)


def test_a_quoted_answer_is_read_like_one_that_was_sent() -> None:
    *_, call, end = rescue(LostAnswer(text=f"I read it. {CALL}", is_whole=True))

    assert isinstance(call, ToolCall)
    assert call.name == "read_file"
    assert isinstance(end, Done)
    assert end.finish_reason is FinishReason.TOOL_CALLS
    assert end.notes == (NOTE_RESCUED,)


def test_what_was_streamed_before_is_not_said_twice() -> None:
    events = rescue(LostAnswer(text=f"I read it.{CALL}", is_whole=True), "I read")

    assert [each.text for each in events if isinstance(each, TextDelta)] == [" it."]


@pytest.mark.parametrize(
    ("lost", "before"),
    [
        (LostAnswer(), ()),
        (LostAnswer(text="</tool_call>"), ()),
        (LostAnswer(text="  \n", is_whole=True), ()),
        (LostAnswer(text="another answer", is_whole=True), ("I read",)),
        (LostAnswer(text='{"path": "a.py"}]', is_call=True), ("I read",)),
    ],
)
def test_a_part_without_a_call_is_no_answer(lost: LostAnswer, before: tuple[str, ...]) -> None:
    assert rescue(lost, *before) == []


@pytest.mark.parametrize(("begun", "is_read"), [("read_file", True), ("ping", False)])
def test_calls_that_were_streamed_in_part_must_be_quoted(begun: str, *, is_read: bool) -> None:
    reader = AnswerReader(a_request())
    reader.feed(ToolCallDelta(index=0, id="a", name=begun, arguments='{"pa'))

    assert bool(reader.rescue(LostAnswer(text=CALL))) is is_read


def test_a_rest_continues_what_was_streamed() -> None:
    events = rescue(LostAnswer(text=" of it"), "All")

    assert events[0] == TextDelta(" of it")


_WORDS = [
    "<tool_call>",
    "</tool_call>",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "`",
    "```",
    "<think>",
    "</think>",
    "<|im_end|>",
    "[TOOL_CALLS]",
    "ping",
    "read_file",
    "[ARGS]",
    "<function=ping>",
    "</function>",
    "<tool_use>",
    "tool_name:",
    "arguments:",
    "<|channel|>",
    '{"name":',
    '"ping",',
    '"arguments":',
    "{}}",
    "<tool_result",
    "\n",
]
_TEXTS = st.lists(st.sampled_from(_WORDS) | st.text(max_size=5), max_size=12).map("".join)
_CALLS = st.builds(
    ToolCall,
    id=st.sampled_from(["", "a", "b", "call_0"]),
    name=st.sampled_from(["ping", "read_file", "", "nope", "Functions.Ping"]) | st.text(max_size=4),
    arguments=st.sampled_from(["", "{}", '{"path": "a"}', "{'path': 1}", "[1]", "{"]) | _TEXTS,
)
_EVENTS = st.lists(
    _TEXTS.map(TextDelta)
    | _TEXTS.map(ReasoningDelta)
    | _CALLS
    | st.builds(
        ToolCallDelta,
        index=st.just(0),
        id=st.sampled_from(["a", "b"]),
        name=st.just("ping"),
        arguments=_TEXTS,
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=150)
@given(_EVENTS, st.sampled_from(FinishReason), st.sampled_from(["", "<think>\n", "<tool_call>"]))
async def test_whatever_comes_is_an_answer_whose_calls_can_be_told_apart(
    events: list[Event], reason: FinishReason, prefix: str
) -> None:
    request = a_request(text_calls=TextCalls(prefix=prefix))

    answer = await read(*events, request=request, end=done(reason))

    ids = [call.id for call in answer.tool_calls]
    assert len(set(ids)) == len(ids)
    assert all(ids)
    for call in answer.tool_calls:
        if call.rejection is None:
            assert call.name in {"ping", "read_file"}
            assert isinstance(json.loads(call.arguments), dict)
    assert (answer.done.finish_reason is FinishReason.TOOL_CALLS) is (
        bool(answer.tool_calls) and reason is not FinishReason.LENGTH
    )


@settings(deadline=None, max_examples=100)
@given(_EVENTS, _TEXTS, st.booleans(), st.booleans())
def test_whatever_an_error_quotes_is_read_or_left(
    events: list[Event], text: str, is_whole: bool, is_call: bool
) -> None:
    reader = AnswerReader(a_request())
    for event in events:
        list(reader.feed(event))

    rescued = reader.rescue(LostAnswer(text=text, is_whole=is_whole, is_call=is_call))

    assert not rescued or isinstance(rescued[-1], Done)
