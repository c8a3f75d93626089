"""Gemini's wire format, field by field (https://ai.google.dev/api/generate-content)."""

from datetime import timedelta
from typing import Any

import pytest

from providers.adapters.gemini.client import normalize_base_url
from providers.adapters.gemini.errors import refine_error
from providers.adapters.gemini.request import build_gemini_body
from providers.adapters.gemini.stream import GeminiStreamParser
from providers.adapters.http.error_mapping import map_status
from providers.chat import (
    ChatRequest,
    Citation,
    Done,
    Effort,
    Event,
    FinishReason,
    Message,
    ReasoningDelta,
    ReasoningReplay,
    TextDelta,
    TokenUsage,
    Tool,
    ToolCall,
)
from providers.errors import (
    AuthenticationFailed,
    BudgetExhausted,
    CallFailed,
    ContentFiltered,
    IncompleteStream,
    MalformedResponse,
    Overloaded,
    RateLimited,
)
from tests.support.token_counts import counts_of

CALLS = (
    ToolCall(id="a", name="look", arguments='{"x": 1}'),
    ToolCall(id="b", name="see", arguments="oops"),
)


def read(*responses: object) -> list[Event]:
    reader = GeminiStreamParser(model="m", secret="", keeps_parts=True)
    events = [event for response in responses for event in reader.parse(response)]
    return [*events, *reader.close(notes=())]


def a_response(*parts: dict[str, Any], finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"parts": list(parts)}, "finishReason": finish, **more}],
        "modelVersion": "m-001",
        "responseId": "r1",
    }


def a_request(**changes: Any) -> ChatRequest:
    fields = {"model": "m", "messages": (Message(role="user", content="hi"),), **changes}
    return ChatRequest(**fields)


def test_thoughts_text_and_sources_come_apart() -> None:
    chunk = {"web": {"uri": "https://example.org", "title": "Example"}}
    *events, done = read(
        a_response({"text": "hm", "thought": True}, finish=None),
        a_response({"text": "yes"}, groundingMetadata={"groundingChunks": [chunk]}),
    )

    assert events == [
        ReasoningDelta("hm"),
        TextDelta("yes"),
        Citation(url="https://example.org", title="Example"),
    ]
    assert isinstance(done, Done)
    assert (done.finish_reason, done.model, done.request_id) == (FinishReason.STOP, "m-001", "r1")


def test_usage_is_disjoint_and_thoughts_are_output() -> None:
    counts = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 5,
        "toolUsePromptTokenCount": 3,
        "totalTokenCount": 115,
    }

    [usage] = [
        e for e in read({**a_response(), "usageMetadata": counts}) if isinstance(e, TokenUsage)
    ]

    assert (usage.input, usage.cached, usage.output, usage.reasoning) == (43, 60, 12, 5)
    assert counts_of(usage).prompt + counts_of(usage).output == counts["totalTokenCount"]


def test_calls_are_whole_and_their_parts_go_back_as_they_came() -> None:
    called = {"functionCall": {"name": "look", "args": {"x": 1}}, "thoughtSignature": "s"}

    events = read(a_response({"text": "hm", "thought": True}, called))

    assert ToolCall(id="call_0", name="look", arguments='{"x": 1}') in events
    done = events[-1]
    assert isinstance(done, Done)
    assert done.finish_reason is FinishReason.TOOL_CALLS
    assert done.replay is not None
    assert done.replay.blocks == ({"text": "hm", "thought": True}, called)


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (a_response(finish=None), IncompleteStream),
        (a_response(finish="SAFETY"), ContentFiltered),
        (a_response(finish="MALFORMED_FUNCTION_CALL"), MalformedResponse),
        (a_response(finish="OTHER"), Overloaded),
        ({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, ContentFiltered),
        ({"candidates": [3]}, MalformedResponse),
        ("text", MalformedResponse),
        ({"error": {"code": 503, "message": "m", "status": "UNAVAILABLE"}}, Overloaded),
        ([{"error": {"code": 503, "message": "m", "status": "UNAVAILABLE"}}], Overloaded),
    ],
)
def test_an_incomplete_answer_is_an_error(response: object, kind: type[CallFailed]) -> None:
    with pytest.raises(CallFailed) as raised:
        read(response)

    assert type(raised.value) is kind


def an_error(status: int, *details: dict[str, Any]) -> CallFailed:
    message = "You exceeded your current quota, please check your plan and billing details."
    body = {"error": {"code": status, "message": message, "details": list(details)}}
    return refine_error(map_status("gemini", status, body, {}, secret=""), body)


def test_details_say_what_statuses_do_not() -> None:
    assert type(an_error(400, {"reason": "API_KEY_INVALID"})) is AuthenticationFailed
    minute = an_error(429, {"violations": [{"quotaId": "PerMinute"}]}, {"retryDelay": "34.5s"})
    assert type(minute) is RateLimited
    assert minute.retry_after == timedelta(seconds=34.5)
    day = an_error(429, {"violations": [{"quotaId": "RequestsPerDayPerProject"}]})
    assert type(day) is BudgetExhausted


def test_a_refined_error_keeps_its_vendor() -> None:
    limited = refine_error(map_status("cohere", 429, {}, {}, secret=""), {})

    assert (limited.vendor, str(limited).partition(":")[0]) == ("cohere", "cohere")


@pytest.mark.parametrize(
    ("effort", "level", "noted"),
    [("low", "low", False), ("max", "high", True), ("none", "minimal", True)],
)
def test_an_effort_is_a_level(effort: Effort, level: str, noted: bool) -> None:
    body, notes = build_gemini_body(a_request(reasoning_effort=effort))

    thinking = body["generationConfig"]["thinkingConfig"]
    assert thinking == {"thinkingLevel": level, "includeThoughts": effort != "none"}
    assert bool(notes) is noted


def test_results_of_parallel_calls_are_one_turn_and_unsigned_calls_say_so() -> None:
    turns = (
        Message(role="user", content="hi"),
        Message(role="assistant", content="", tool_calls=CALLS),
        Message(role="tool", content='{"y": 2}', tool_call_id="a"),
        Message(role="tool", content="seen", tool_call_id="b"),
    )

    body, _ = build_gemini_body(a_request(messages=turns))

    _, model, results = body["contents"]
    assert [part["functionCall"]["args"] for part in model["parts"]] == [{"x": 1}, {}]
    assert ["thoughtSignature" in part for part in model["parts"]] == [True, False]
    assert [part["functionResponse"] for part in results["parts"]] == [
        {"id": "a", "name": "look", "response": {"y": 2}},
        {"id": "b", "name": "see", "response": {"result": "seen"}},
    ]


@pytest.mark.parametrize(("vendor", "goes_back"), [("gemini", True), ("anthropic", False)])
def test_parts_go_back_only_to_their_own_model(vendor: str, goes_back: bool) -> None:
    replay = ReasoningReplay(vendor=vendor, model="m", blocks=({"text": "kept"},))
    turn = Message(role="assistant", content="", tool_calls=CALLS, replay=replay)

    body, _ = build_gemini_body(a_request(messages=(turn,)))

    assert (body["contents"][0]["parts"] == [{"text": "kept"}]) is goes_back


def test_every_parameter_is_sent_in_its_field() -> None:
    tool = Tool(name="look", description="d", parameters={"type": "object"})
    body, _ = build_gemini_body(
        a_request(
            system="Be brief",
            tools=(tool,),
            response_schema={"type": "object"},
            temperature=0.2,
            top_p=0.9,
            max_output_tokens=7,
            stop=("END",),
        )
    )

    assert body["systemInstruction"] == {"parts": [{"text": "Be brief"}]}
    declared = {"name": "look", "description": "d", "parametersJsonSchema": {"type": "object"}}
    assert body["tools"] == [{"functionDeclarations": [declared]}]
    assert body["generationConfig"] == {
        "temperature": 0.2,
        "topP": 0.9,
        "maxOutputTokens": 7,
        "stopSequences": ["END"],
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://x.example", "https://x.example/v1beta"),
        ("https://x.example/v1beta/", "https://x.example/v1beta"),
        ("https://x.example/v1beta/openai", "https://x.example/v1beta"),
        ("https://x.example/v1", "https://x.example/v1"),
    ],
)
def test_every_way_to_write_the_base_url_is_understood(given: str, used: str) -> None:
    assert normalize_base_url(given) == used
