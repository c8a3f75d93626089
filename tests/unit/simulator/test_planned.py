"""Token counts, limits and pace of a response."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.pacing import INSTANT, choose_pace
from simulator.planned import count_tokens, is_reasoning_model, plan_response, split_pieces
from simulator.request import CompletionRequest, Vendor, WireMessage, split_prompt
from simulator.request_log import RequestLog

REQUEST = CompletionRequest(
    vendor=Vendor.OPENAI,
    model="m",
    prompt="Write fibonacci",
    context="x" * 400,
    message_count=2,
    max_tokens=None,
    stream=True,
    wants_reasoning=True,
    shows_reasoning=True,
    wants_usage=True,
    is_cacheable=True,
)


@given(st.text())
def test_the_pieces_of_a_text_add_up_to_it(text: str) -> None:
    assert "".join(split_pieces(text)) == text


@pytest.mark.parametrize("limit", [1, 5, 60, 90, 150])
def test_reasoning_and_text_together_stay_within_the_limit(limit: int) -> None:
    planned = plan_response(replace(REQUEST, max_tokens=limit), number=1)

    assert planned.output_tokens == limit
    assert planned.is_truncated


def test_a_response_within_the_limit_is_not_truncated() -> None:
    free = plan_response(REQUEST, number=1)
    limited = plan_response(replace(REQUEST, max_tokens=free.output_tokens), number=1)

    assert not free.is_truncated
    assert not limited.is_truncated
    assert limited.text == free.text


def test_input_tokens_count_prompt_and_context_and_whole_blocks_are_cached() -> None:
    planned = plan_response(REQUEST, number=1)

    assert planned.input_tokens == 100 + count_tokens(REQUEST.prompt)
    assert planned.cached_tokens == 64
    assert plan_response(replace(REQUEST, is_cacheable=False), number=1).cached_tokens == 0


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("deepseek-r1", True),
        ("accounts/fireworks/models/deepseek-v3p2", True),
        ("x-reasoner", True),
        ("r1-lite", True),
        ("claude-sonnet-5-5", False),
        ("ar1a", False),
        ("r10", False),
        ("gpt-6-sol", False),
    ],
)
def test_reasoning_models_are_recognised_by_name(model: str, expected: bool) -> None:
    assert is_reasoning_model(model) is expected


def test_fast_models_are_faster_and_speed_divides_all_times() -> None:
    quick = choose_pace("claude-haiku-5-5", seed=0, speed=1)
    thorough = choose_pace("claude-opus-5-5", seed=0, speed=1)
    doubled = choose_pace("claude-opus-5-5", seed=0, speed=2)

    assert quick.first_token_seconds < thorough.first_token_seconds
    assert quick.seconds_per_token < thorough.seconds_per_token
    assert doubled.first_token_seconds * 2 == pytest.approx(thorough.first_token_seconds)
    assert choose_pace("claude-opus-5-5", seed=0, speed=0) == INSTANT


def test_the_prompt_is_the_last_user_message_and_the_rest_is_context() -> None:
    turns = [
        WireMessage(role="user", content="first"),
        WireMessage(role="assistant", content=[{"type": "text", "text": "answer"}]),
        WireMessage(role="user", content=[{"type": "text", "text": "second"}, {"type": "image"}]),
    ]

    assert split_prompt(turns, "system") == ("second", "system\nfirst\nanswer")
    assert split_prompt(turns[1:2]) == ("", "answer")


def test_the_request_log_drops_the_oldest_but_continues_to_count() -> None:
    request_log = RequestLog(capacity=2, clock=lambda: 0.0)

    for _ in range(3):
        request_log.add(Vendor.OPENAI)

    assert [entry["number"] for entry in request_log.list_after()] == [2, 3]
    assert [entry["number"] for entry in request_log.list_after(2)] == [3]
    assert request_log.list_after()[0]["asked_at"] == "1970-01-01T00:00:00.000000+00:00"
