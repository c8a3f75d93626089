from typing import Any

import pytest

from providers.adapters.openai.stream import OpenAIStreamParser
from providers.chat import (
    Citation,
    Done,
    Event,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from providers.errors import (
    IncompleteStream,
    MalformedResponse,
    Overloaded,
)


def read(*chunks: object) -> list[Event]:
    reader = OpenAIStreamParser("a-vendor", secret="")
    events = [event for chunk in chunks for event in reader.parse(chunk)]
    return [*events, *reader.close(request_id=None, notes=())]


def a_chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_found_under_both_names(field: str) -> None:
    events = read(a_chunk(**{field: "hm"}), a_chunk(content="yes"), a_chunk("stop"))

    assert ReasoningDelta("hm") in events
    assert text_of(events) == "yes"


def test_content_may_be_a_list_of_parts() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}

    events = read(a_chunk(content=[thinking, {"type": "text", "text": "yes"}]), a_chunk("stop"))

    assert events[:2] == [ReasoningDelta("hm"), TextDelta("yes")]


def test_an_answer_that_was_not_streamed_is_read_as_one_chunk() -> None:
    message = {"role": "assistant", "content": "yes", "reasoning_content": "hm"}
    whole = {"choices": [{"message": message, "finish_reason": "stop"}]}

    events = read(whole)

    assert events[:2] == [ReasoningDelta("hm"), TextDelta("yes")]
    assert isinstance(events[-1], Done)


def test_calls_are_gathered_by_index() -> None:
    first = {"index": 0, "id": "a", "function": {"name": "look", "arguments": '{"x"'}}
    second = {"index": 1, "id": "b", "function": {"name": "see", "arguments": ""}}
    rest = {"index": 0, "function": {"arguments": ": 1}"}}

    events = read(
        a_chunk(tool_calls=[first, second]), a_chunk(tool_calls=[rest]), a_chunk("tool_calls")
    )

    assert [event for event in events if isinstance(event, ToolCall)] == [
        ToolCall(id="a", name="look", arguments='{"x": 1}'),
        ToolCall(id="b", name="see", arguments="{}"),
    ]
    assert sum(isinstance(event, ToolCallDelta) for event in events) == 3


def test_calls_without_an_index_are_distinguished_by_their_ids() -> None:
    first = {"id": "a", "function": {"name": "look", "arguments": "{"}}
    rest = {"function": {"arguments": "}"}}
    second = {"id": "b", "function": {"name": "see", "arguments": "{}"}}

    events = read(
        a_chunk(tool_calls=[first]),
        a_chunk(tool_calls=[rest]),
        a_chunk(tool_calls=[second]),
        a_chunk("stop"),
    )

    calls = [event for event in events if isinstance(event, ToolCall)]
    assert [(call.id, call.arguments) for call in calls] == [("a", "{}"), ("b", "{}")]
    assert isinstance(events[-1], Done)
    assert events[-1].finish_reason is FinishReason.TOOL_CALLS


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
            (10, 0, 0, 5, 0),
            id="three counts",
        ),
        pytest.param(
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            (5, 4, 1, 5, 3),
            id="cached and reasoning inside",
        ),
        pytest.param(
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 22,
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
            (10, 0, 0, 12, 7),
            id="reasoning beside the completion",
        ),
        pytest.param(
            {"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 8},
            (2, 8, 0, 5, 0),
            id="cache hits in DeepSeek's field",
        ),
    ],
)
@pytest.mark.parametrize("place", ["usage", "x_groq"])
def test_usage_parts_are_disjoint_wherever_they_come_from(
    raw: dict[str, Any], expected: tuple[int, ...], place: str
) -> None:
    last = {"choices": [], **({"usage": raw} if place == "usage" else {"x_groq": {"usage": raw}})}

    events = read(a_chunk("stop", content="x"), last)

    [usage] = [event for event in events if isinstance(event, TokenUsage)]
    assert (usage.input, usage.cached, usage.cache_write, usage.output, usage.reasoning) == expected
    assert usage.raw == raw


def test_sources_are_kept_once_with_their_titles() -> None:
    chunk = a_chunk("stop", content="x") | {
        "citations": ["https://a.example", "https://b.example"],
        "search_results": [{"url": "https://a.example", "title": "A"}],
    }

    events = read(chunk, chunk)

    assert [event for event in events if isinstance(event, Citation)] == [
        Citation(url="https://a.example", title="A"),
        Citation(url="https://b.example"),
    ]


def test_an_error_with_null_choices_is_an_error() -> None:
    with pytest.raises(Overloaded):
        read({"choices": None, "error": {"message": "busy", "type": "overloaded_error"}})


def test_an_error_in_the_stream_keeps_its_own_status() -> None:
    error = {"message": "no such tool", "code": "tool_use_failed", "status_code": 400}

    with pytest.raises(MalformedResponse) as raised:
        read({"error": error})

    assert raised.value.status == 400


def test_a_stream_without_a_finish_reason_is_no_answer() -> None:
    with pytest.raises(IncompleteStream):
        read(a_chunk(content="x"))


@pytest.mark.parametrize(
    "chunk",
    [None, [], "text", {"choices": 3}, {"choices": [{"delta": 3}]}, {"x_groq": 3}],
)
def test_anything_that_is_not_a_chunk_is_malformed(chunk: object) -> None:
    with pytest.raises(MalformedResponse):
        read(chunk)


def test_pieces_of_many_calls_without_an_index_find_their_calls() -> None:
    reader = OpenAIStreamParser("a-vendor", secret="")
    for number in range(20_000):
        piece = {"id": f"c{number % 1000}", "function": {"name": "f", "arguments": "[" * 50}}
        reader.parse(a_chunk(tool_calls=[piece]))
    reader.parse(a_chunk("tool_calls"))

    calls = [each for each in reader.close(request_id=None, notes=()) if isinstance(each, ToolCall)]

    assert [len(call.arguments) for call in calls] == [1_000] * 1_000


def test_a_title_that_is_no_text_is_none() -> None:
    chunk = a_chunk("stop", content="x") | {
        "search_results": [{"url": "https://a.example", "title": {"deep": 1}}]
    }

    assert Citation(url="https://a.example") in read(chunk)


def test_calls_that_share_an_index_are_distinguished_by_their_ids() -> None:
    def piece(**fields: Any) -> dict[str, Any]:
        return a_chunk(tool_calls=[{"index": 0, **fields}])

    events = read(
        piece(id="a", function={"name": "f", "arguments": '{"x":'}),
        piece(function={"arguments": " 1}"}),
        piece(id="b", function={"name": "f", "arguments": '{"x":'}),
        piece(id="b", function={"name": "f", "arguments": " 2}"}),
        piece(id="c", function={"name": "g", "arguments": ""}),
        piece(function={"arguments": "{}"}),
        a_chunk("tool_calls"),
    )

    calls = [(e.id, e.name, e.arguments) for e in events if isinstance(e, ToolCall)]
    assert calls == [("a", "f", '{"x": 1}'), ("b", "f", '{"x": 2}'), ("c", "g", "{}")]


def test_an_id_that_comes_late_belongs_to_the_call() -> None:
    events = read(
        a_chunk(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": "{"}}]),
        a_chunk(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}}]),
        a_chunk("tool_calls"),
    )

    assert [e for e in events if isinstance(e, ToolCall)] == [
        ToolCall(id="a", name="f", arguments="{}")
    ]
