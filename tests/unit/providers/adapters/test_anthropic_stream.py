from typing import Any

import pytest

from providers.adapters.anthropic.stream import AnthropicStreamParser
from providers.chat import (
    Citation,
    Done,
    Event,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    TokenUsage,
    ToolCall,
)
from providers.errors import (
    CallFailed,
    ContentFiltered,
    ContextTooLong,
    IncompleteStream,
    MalformedResponse,
)

START = {
    "type": "message_start",
    "message": {
        "model": "m",
        "usage": {
            "input_tokens": 5,
            "cache_read_input_tokens": 7,
            "cache_creation_input_tokens": 2,
            "output_tokens": 1,
        },
    },
}
STOP = {"type": "message_stop"}


def an_end(reason: str = "end_turn", **usage: Any) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason},
        "usage": {"output_tokens": 9, **usage},
    }


def a_delta(index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def read(*payloads: object) -> list[Event]:
    reader = AnthropicStreamParser(vendor="anthropic", secret="")
    events = [event for payload in payloads for event in reader.parse(payload)]
    return [*events, *reader.close(request_id="r", notes=("n",))]


def test_text_thinking_and_sources_become_events() -> None:
    source = {"url": "https://a.example", "title": "A"}

    events = read(
        START,
        a_delta(type="thinking_delta", thinking="hm"),
        a_delta(type="signature_delta", signature="s"),
        a_delta(1, type="text_delta", text="yes"),
        a_delta(1, type="citations_delta", citation=source),
        {"type": "ping"},
        an_end(),
        STOP,
    )

    assert [event for event in events if not isinstance(event, TokenUsage)] == [
        ReasoningDelta("hm"),
        TextDelta("yes"),
        Citation(url="https://a.example", title="A"),
        Done(
            finish_reason=FinishReason.STOP,
            vendor_finish_reason="end_turn",
            model="m",
            request_id="r",
            notes=("n",),
        ),
    ]


def test_usage_is_there_from_the_start_and_the_end_wins() -> None:
    events = read(START, an_end(output_tokens_details={"thinking_tokens": 4}), STOP)

    first, last = [event for event in events if isinstance(event, TokenUsage)]
    assert (first.input, first.cached, first.cache_write, first.output) == (5, 7, 2, 1)
    assert (last.input, last.cached, last.cache_write, last.output) == (5, 7, 2, 9)
    assert (last.reasoning, last.prompt) == (4, 14)


def test_a_call_is_whole_when_its_block_ends() -> None:
    block = {"type": "tool_use", "id": "t", "name": "look", "input": {}}

    events = read(
        START,
        {"type": "content_block_start", "index": 1, "content_block": block},
        a_delta(1, type="input_json_delta", partial_json='{"x"'),
        a_delta(1, type="input_json_delta", partial_json=": 1}"),
        {"type": "content_block_stop", "index": 1},
        an_end("tool_use"),
        STOP,
    )

    assert ToolCall(id="t", name="look", arguments='{"x": 1}') in events
    assert isinstance(events[-1], Done)
    assert events[-1].finish_reason is FinishReason.TOOL_CALLS


def test_a_message_that_was_not_streamed_is_read_whole() -> None:
    content = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "yes"},
        {"type": "tool_use", "id": "t", "name": "look", "input": {"x": 1}},
    ]
    message = {
        "type": "message",
        "model": "m",
        "content": content,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }

    events = read(message)

    assert events[:2] == [ReasoningDelta("hm"), TextDelta("yes")]
    assert ToolCall(id="t", name="look", arguments='{"x": 1}') in events


@pytest.mark.parametrize(
    ("payloads", "error"),
    [
        pytest.param([START, an_end()], IncompleteStream, id="no message_stop"),
        pytest.param([START, STOP], IncompleteStream, id="no stop reason"),
        pytest.param([START, an_end("refusal"), STOP], ContentFiltered, id="refusal"),
        pytest.param(
            [START, an_end("model_context_window_exceeded"), STOP], ContextTooLong, id="window"
        ),
        pytest.param(["text"], MalformedResponse, id="not an object"),
        pytest.param([{"type": "message_start"}], MalformedResponse, id="no message"),
        pytest.param([{"type": "message", "content": [3]}], MalformedResponse, id="no block"),
    ],
)
def test_an_end_that_is_not_an_answer_raises(
    payloads: list[object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        read(*payloads)


def test_signed_thinking_is_kept_for_the_next_turn_of_a_tool_loop() -> None:
    reader = AnthropicStreamParser(vendor="anthropic", secret="", model="m", keeps_blocks=True)
    payloads = (
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "thinking_delta", "thinking": "wh"},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "thinking_delta", "thinking": "y"},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "signature_delta", "signature": "s"},
        },
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "redacted_thinking", "data": "d"},
        },
        {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": ""}},
        {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "text_delta", "text": "let me see"},
        },
        {
            "type": "content_block_start",
            "index": 3,
            "content_block": {"type": "tool_use", "id": "c", "name": "look", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 3,
            "delta": {"type": "input_json_delta", "partial_json": '{"x": 1}'},
        },
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    )

    events = [event for payload in payloads for event in reader.parse(payload)]
    [done] = [
        event
        for event in (*events, *reader.close(request_id=None, notes=()))
        if isinstance(event, Done)
    ]

    assert done.replay is not None
    assert done.replay.fits(vendor="anthropic", model="m")
    assert done.replay.blocks == (
        {"type": "thinking", "thinking": "why", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "let me see"},
        {"type": "tool_use", "id": "c", "name": "look", "input": {"x": 1}},
    )


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        pytest.param("text", "tool_use", id="a call without thinking"),
        pytest.param("thinking", "end_turn", id="thinking without a call"),
    ],
)
def test_nothing_is_kept_but_the_thinking_before_a_call(kind: str, reason: str) -> None:
    reader = AnthropicStreamParser(vendor="anthropic", secret="", model="m", keeps_blocks=True)
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": kind}}
    for payload in (block, an_end(reason), STOP):
        reader.parse(payload)

    [done] = reader.close(request_id=None, notes=())

    assert isinstance(done, Done)
    assert done.replay is None


@pytest.mark.parametrize(
    "payload", [7, {"type": "message_start"}, {"type": "error", "error": {"type": "api_error"}}]
)
def test_a_failure_names_the_vendor_that_was_asked(payload: object) -> None:
    reader = AnthropicStreamParser(vendor="minimax", secret="")

    with pytest.raises(CallFailed) as failed:
        reader.parse(payload)
    with pytest.raises(CallFailed) as broken:
        list(reader.close(request_id=None, notes=()))

    assert (failed.value.vendor, broken.value.vendor) == ("minimax", "minimax")
