from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.tool_calls import (
    CallDone,
    CallRejected,
    ChunkParser,
    Extractor,
    Message,
    ReasoningDelta,
    Reclassified,
    TextDelta,
    extract,
)
from tests.support.tool_calls.cases import load_cases
from tests.support.tool_calls.corpus import GRAMMARS, Answer, answers

_WRITTEN = [case for case in load_cases() if "text" in case and case["tools"]]
_WORDS = (
    "<tool_call> </tool_call> { } [ ] ( ) \" ' ` ``` : , \\ <think> </think> <|im_end|> "
    "[TOOL_CALLS] ping [ARGS] <function=ping> <parameter=a> </parameter> <tool_use> </s> "
    "arguments: <|channel|> analysis <|message|> <arg_key> <|start_header_id|> <|im_start|> "
    "<|tool_call>call:ping{ functools["
)
_MORE = ("\n", "\ud83d", "tool_name: ping\n", '{"name": "ping", "arguments": {')
_PIECES = st.sampled_from((*_WORDS.split(), *_MORE))
_TEXTS = st.lists(_PIECES | st.text(max_size=5), max_size=25).map("".join)
_PREFIXES = st.sampled_from(["", "<think>\n", "<think>\n\n</think>\n", "<tool_call>"])
_REASONS = st.sampled_from([None, "stop", "length"])


@st.composite
def _mutations(draw: st.DrawFn) -> tuple[str, list[Any], str]:
    """Return cases that were cut, or had something put into them."""
    case = draw(st.sampled_from(_WRITTEN))
    text = case["text"]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] if draw(st.booleans()) else text[:at] + draw(_PIECES) + text[at:]
    return text, case["tools"], draw(st.sampled_from([case["family"], "llama", "auto", "glm"]))


def _feed(extractor: Extractor, text: str, cuts: list[int]) -> list[Any]:
    ends = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    return [event for start, end in pairwise(ends) for event in extractor.feed(text[start:end])]


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _assert_events_agree(events: list[Any], message: Message) -> None:
    restarts = [at for at, event in enumerate(events) if isinstance(event, Reclassified)]
    events = events[restarts[-1] :] if restarts else events
    calls = tuple(event.call for event in events if isinstance(event, CallDone))
    rejected = tuple(event.rejected for event in events if isinstance(event, CallRejected))
    content = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert (calls, rejected) == (message.tool_calls, message.rejected)
    assert _squeeze(content) == _squeeze(message.content)


@settings(max_examples=200, deadline=None)
@given(
    _mutations() | st.tuples(_TEXTS, st.just(_WRITTEN[1]["tools"]), st.just("llama")),
    st.lists(st.integers(0, 400), max_size=40),
    _PREFIXES,
    _REASONS,
)
def test_a_text_in_any_pieces_has_the_message_of_the_whole(
    answer: tuple[str, list[Any], str], cuts: list[int], prefix: str, reason: str | None
) -> None:
    text, tools, family = answer
    extractor = Extractor(tools, family=family, prefix=prefix)
    by_character = Extractor(tools, family=family, prefix=prefix)

    whole = extract(text, tools, family=family, prefix=prefix, finish_reason=reason)
    events = _feed(extractor, text, cuts)
    message = extractor.finish(reason)

    assert message == whole
    _feed(by_character, text, list(range(len(text))))
    assert by_character.finish(reason) == whole
    _assert_events_agree([*events, *extractor.take_events()], message)


@settings(max_examples=100, deadline=None)
@given(_TEXTS, st.lists(st.integers(0, 100), max_size=10))
def test_without_tools_a_text_stays_as_it_is(text: str, cuts: list[int]) -> None:
    extractor = Extractor([])

    events = _feed(extractor, text, cuts)

    assert extractor.finish() == Message(text) == extract(text, [])
    assert _squeeze("".join(event.text for event in events)) == _squeeze(text)


@settings(max_examples=100, deadline=None)
@given(st.text("abc .,;:!?()<>=*_#-\n", max_size=200))
def test_prose_stays_as_it_is(text: str) -> None:
    tools = [{"type": "function", "function": {"name": "ping"}}]

    assert extract(text, tools) == Message(text)


@pytest.mark.parametrize("name", GRAMMARS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_a_grammar_writes_is_read_without_repairs(name: str, data: st.DataObject) -> None:
    answer: Answer = data.draw(answers(GRAMMARS[name]))

    message = extract(answer.text, answer.tools)

    assert [(call.name, call.arguments) for call in message.tool_calls] == answer.calls
    assert [call.repairs for call in message.tool_calls] == [()] * len(answer.calls)
    assert message.rejected == ()
    assert _squeeze(message.content) == _squeeze(answer.content)
    assert _squeeze(message.reasoning) == _squeeze(answer.reasoning)


@pytest.mark.parametrize("name", GRAMMARS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_call_that_is_cut_anywhere_is_never_a_different_one(
    name: str, data: st.DataObject
) -> None:
    answer: Answer = data.draw(answers(GRAMMARS[name]))
    cut = data.draw(st.integers(0, len(answer.text)))

    message = extract(answer.text[:cut], answer.tools, finish_reason="length")

    found = [(call.name, call.arguments) for call in message.tool_calls]
    assert found == answer.calls[: len(found)]


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "id",
                    "index",
                    "content",
                    "reasoning",
                    "thinking",
                    "finish_reason",
                    "text",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_JUNK, max_size=5))
def test_chunks_of_any_shape_are_read(chunks: list[Any]) -> None:
    tools = [{"type": "function", "function": {"name": "ping"}}]
    parser = ChunkParser(tools)

    events = [each for chunk in chunks for each in parser.feed(chunk)]

    assert isinstance(parser.finish(), Message)
    assert all(not isinstance(each, ReasoningDelta) or each.text for each in events)
