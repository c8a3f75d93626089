"""Events of OpenAI's Responses API."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from providers.adapters.openai.responses_stream import ResponsesStreamParser
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
    CallFailed,
    ContentFiltered,
    IncompleteStream,
    InvalidRequest,
    MalformedResponse,
    Overloaded,
    RateLimited,
)

USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
    "output_tokens": 40,
    "output_tokens_details": {"reasoning_tokens": 30},
    "total_tokens": 140,
}
REASONING = {"type": "reasoning", "id": "r", "encrypted_content": "e", "summary": []}
CALL = {"type": "function_call", "id": "f", "call_id": "c", "name": "look", "arguments": '{"x": 1}'}
CITED = {
    "type": "message",
    "content": [
        {
            "type": "output_text",
            "text": "yes",
            "annotations": [{"type": "url_citation", "url": "https://a.example", "title": "A"}],
        }
    ],
}
SEARCH = {"type": "web_search_call", "status": "completed", "action": {"type": "search"}}
OPENED = {"type": "web_search_call", "status": "completed", "action": {"type": "open_page"}}


def ended(status: str = "completed", **more: Any) -> dict[str, Any]:
    response = {"id": "resp_1", "model": "gpt", "status": status, "usage": USAGE, **more}
    return {"type": f"response.{status}", "response": response}


def done(index: int, item: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def read(*payloads: object, keeps_items: bool = True) -> list[Event]:
    parser = ResponsesStreamParser("openai", secret="", model="m", keeps_items=keeps_items)
    events = [event for payload in payloads for event in parser.parse(payload)]
    return [*events, *parser.close(request_id=None, notes=("a note",))]


def the_last(events: Iterable[Event]) -> Done:
    *_, last = events
    assert isinstance(last, Done)
    return last


def test_text_reasoning_and_usage_come_apart() -> None:
    summary = "response.reasoning_summary"
    events = read(
        {"type": "response.created", "response": {}},
        {"type": f"{summary}_part.added", "summary_index": 0},
        {"type": f"{summary}_text.delta", "delta": "one"},
        {"type": f"{summary}_part.added", "summary_index": 1},
        {"type": f"{summary}_text.delta", "delta": "two"},
        {"type": "response.output_text.delta", "delta": "yes"},
        {"type": "response.of_next_year", "delta": 3},
        ended(),
    )

    text = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    assert text == "one\n\ntwo"
    assert TextDelta("yes") in events
    [usage] = [event for event in events if isinstance(event, TokenUsage)]
    assert (usage.input, usage.cached, usage.cache_write) == (30, 60, 10)
    assert (usage.output, usage.reasoning, usage.searches) == (40, 30, 0)
    assert usage.raw == USAGE
    last = the_last(events)
    assert (last.finish_reason, last.model, last.notes) == (FinishReason.STOP, "gpt", ("a note",))
    assert last.replay is None


def test_parallel_calls_are_told_apart_by_their_index() -> None:
    delta = "response.function_call_arguments.delta"
    other = {**CALL, "call_id": "d", "arguments": "{}"}
    events = read(
        done(0, REASONING),
        {"type": "response.output_item.added", "output_index": 1, "item": {**CALL}},
        {"type": "response.output_item.added", "output_index": 2, "item": {**other}},
        {"type": delta, "output_index": 1, "delta": '{"x"'},
        {"type": delta, "output_index": 2, "delta": "{}"},
        {"type": delta, "output_index": 1, "delta": ": 1}"},
        done(1, CALL),
        done(2, other),
        ended(),
    )

    assert [event for event in events if isinstance(event, ToolCall)] == [
        ToolCall(id="c", name="look", arguments='{"x": 1}'),
        ToolCall(id="d", name="look", arguments="{}"),
    ]
    last = the_last(events)
    assert last.finish_reason is FinishReason.TOOL_CALLS
    assert last.replay is not None
    assert last.replay.blocks == (REASONING, CALL, other)
    assert last.replay.fits(vendor="openai", model="m")


def test_a_call_that_comes_in_one_piece_is_one() -> None:
    events = read(done(0, CALL), ended())

    assert ToolCall(id="c", name="look", arguments='{"x": 1}') in events
    pieces = [event.arguments for event in events if isinstance(event, ToolCallDelta)]
    assert "".join(pieces) == '{"x": 1}'


@pytest.mark.parametrize(
    ("items", "keeps_items"),
    [
        pytest.param([REASONING], True, id="no call"),
        pytest.param([CALL], True, id="no reasoning"),
        pytest.param([{**REASONING, "encrypted_content": None}, CALL], True, id="not encrypted"),
        pytest.param([REASONING, CALL], False, id="no tools were offered"),
    ],
)
def test_nothing_is_kept_that_a_loop_does_not_need(
    items: list[dict[str, Any]], keeps_items: bool
) -> None:
    payloads = [done(index, item) for index, item in enumerate(items)]

    assert the_last(read(*payloads, ended(), keeps_items=keeps_items)).replay is None


def test_searches_are_counted_and_sources_cited() -> None:
    events = read(done(0, SEARCH), done(1, OPENED), done(2, CITED), ended())

    [usage] = [event for event in events if isinstance(event, TokenUsage)]
    assert usage.searches == 1
    assert Citation(url="https://a.example", title="A") in events
    billed = ended(tool_usage={"web_search": {"num_requests": 3}})
    [usage] = [event for event in read(done(0, SEARCH), billed) if isinstance(event, TokenUsage)]
    assert usage.searches == 3


def test_a_response_that_is_not_streamed_is_the_same() -> None:
    summary = [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}]
    output = [{**REASONING, "summary": summary}, SEARCH, CITED, CALL]

    events = read({"object": "response", **ended()["response"], "output": output})

    assert ReasoningDelta("one\n\ntwo") in events
    assert TextDelta("yes") in events
    assert Citation(url="https://a.example", title="A") in events
    assert ToolCall(id="c", name="look", arguments='{"x": 1}') in events
    assert the_last(events).replay is not None


@pytest.mark.parametrize("reason", ["max_output_tokens", None])
def test_an_incomplete_response_is_cut_at_its_limit(reason: str | None) -> None:
    payload = ended("incomplete", incomplete_details={"reason": reason})
    if reason is None:
        with pytest.raises(MalformedResponse, match="'incomplete'"):
            read(payload)
        return
    assert the_last(read(payload)).finish_reason is FinishReason.LENGTH


REFUSED = {"type": "response.refusal.delta", "delta": "I cannot"}
FILTERED = ended("incomplete", incomplete_details={"reason": "content_filter"})


@pytest.mark.parametrize(
    ("payloads", "error", "message"),
    [
        ([REFUSED, ended()], ContentFiltered, "I cannot"),
        ([FILTERED], ContentFiltered, "content filter"),
        ([], IncompleteStream, "without a finish reason"),
        ([ended("failed", error={"code": "server_error", "message": "oh"})], Overloaded, "oh"),
        ([ended("failed")], Overloaded, "the response failed"),
        (
            [ended("failed", error={"code": "rate_limit_exceeded", "message": "slow"})],
            RateLimited,
            "slow",
        ),
        ([ended("failed", error={"code": "image_too_large", "message": "x"})], InvalidRequest, "x"),
        (
            [ended("failed", error={"code": "failed_to_download_image", "message": "x"})],
            InvalidRequest,
            "x",
        ),
        (
            [ended("failed", error={"code": "image_content_policy_violation", "message": "x"})],
            ContentFiltered,
            "x",
        ),
        ([ended("failed", error={"code": "invalid_prompt", "message": "x"})], InvalidRequest, "x"),
        ([{"type": "error", "code": "server_error", "message": "oh"}], Overloaded, "oh"),
        ([{"error": {"message": "oh", "type": "server_error"}}], Overloaded, "oh"),
        ([7], MalformedResponse, "not an object"),
        ([done(0, {"type": "message", "content": 3})], MalformedResponse, "as documented"),
        (
            [{"type": "response.function_call_arguments.delta", "output_index": 7}],
            MalformedResponse,
            "as documented",
        ),
    ],
)
def test_an_end_that_is_not_an_answer_raises(
    payloads: list[object], error: type[CallFailed], message: str
) -> None:
    with pytest.raises(error, match=message):
        read(*payloads)


def test_the_tokens_of_a_failed_response_are_known() -> None:
    parser = ResponsesStreamParser("openai", secret="", model="m", keeps_items=False)
    events = parser.parse(ended("failed"))

    assert isinstance(next(events), TokenUsage)
    with pytest.raises(Overloaded):
        next(events)
