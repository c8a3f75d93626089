"""Token counts, limits and pace of a response."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.pacing import INSTANT, choose_pace
from simulator.planned import count_tokens, is_reasoning_model, plan_response, split_pieces
from simulator.request import (
    CompletionRequest,
    Conversation,
    RequestedTool,
    SimulatedTurn,
    Vendor,
    read_conversation,
)
from simulator.request_log import RequestLog

REQUEST = CompletionRequest(
    vendor=Vendor.OPENAI,
    model="m",
    conversation=Conversation(prompt="Write fibonacci", context="x" * 400),
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
        SimulatedTurn(role="user", text="first"),
        SimulatedTurn(role="assistant", text="answer"),
        SimulatedTurn(role="user", text="second"),
    ]

    assert read_conversation(turns, "system") == Conversation(
        prompt="second", context="system\nfirst\nanswer"
    )
    assert read_conversation(turns[1:2]) == Conversation(prompt="", context="answer")


def test_calls_and_results_count_since_the_prompt_and_images_of_results_are_no_prompt() -> None:
    turns = [
        SimulatedTurn(role="user", text="first"),
        SimulatedTurn(role="assistant", has_calls=True),
        SimulatedTurn(role="tool", results=("old",)),
        SimulatedTurn(role="assistant", text="answer"),
        SimulatedTurn(role="user", text="second"),
        SimulatedTurn(role="assistant", has_calls=True),
        SimulatedTurn(role="assistant", has_calls=True),  # the items of parallel calls
        SimulatedTurn(role="tool", results=("1",)),
        SimulatedTurn(role="tool", results=("2",)),
        SimulatedTurn(role="user", text="Files of the result"),
    ]

    read = read_conversation(turns)

    assert (read.prompt, read.call_turns, read.results) == ("second", 1, ("1", "2"))


LOOK = RequestedTool("look", {"type": "object", "properties": {"x": {"type": "integer"}}})
SAVE = RequestedTool("save", {"type": "object"})


def calls(prompt: str, made: int = 0, **changes: Any) -> list[tuple[str, str]]:
    fields: dict[str, Any] = {"tools": (LOOK, SAVE), **changes}
    flaw = fields.pop("flaw", None)
    request = replace(
        REQUEST, conversation=Conversation(prompt=prompt, context="", call_turns=made), **fields
    )
    planned = plan_response(request, number=1, flaw=flaw)
    assert bool(planned.text) is not bool(planned.calls)
    return [(call.name, call.text) for call in planned.calls]


TWO = 'Call look {"x": 2} and look({"x": 3}), then save what they gave'


@pytest.mark.parametrize(
    ("prompt", "made", "changes", "expected"),
    [
        ("Hello", 0, {}, []),
        ("Overlook it, look-ahead", 0, {}, []),
        ("Please look", 0, {}, [("look", '{"x": 1}')]),
        ("Please look", 1, {}, []),
        (TWO, 0, {}, [("look", '{"x": 2}'), ("look", '{"x": 3}')]),
        (TWO, 1, {}, [("save", "{}")]),
        (TWO, 2, {}, []),
        (TWO, 1, {"allows_parallel_calls": False}, [("look", '{"x": 3}')]),
        (TWO, 0, {"tool_choice": "none"}, []),
        (TWO, 0, {"tool_choice": "save"}, [("save", "{}")]),
        ("Hello", 0, {"tool_choice": "required"}, [("look", '{"x": 1}')]),
        ("Hello", 0, {"tool_choice": "save"}, [("save", "{}")]),
        ("Hello", 1, {"tool_choice": "save"}, []),
        ("Please look", 0, {"flaw": "bad-arguments"}, [("look", '{"malformed": tru')]),
        ("Please look", 7, {"flaw": "endless-calls"}, [("look", '{"x": 1}')]),
        ("Hello", 7, {"flaw": "endless-calls"}, [("look", '{"x": 1}')]),
        ("Hello", 7, {"flaw": "endless-calls", "tools": ()}, []),
        ("Please look", 0, {"flaw": "unknown-tool"}, [("no_look", '{"x": 1}')]),
    ],
)
def test_the_tools_that_the_prompt_names_are_called_turn_by_turn(
    prompt: str, made: int, changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert calls(prompt, made, **changes) == expected


def test_the_answer_after_calls_repeats_what_the_tools_gave() -> None:
    conversation = Conversation(prompt="look", context="", call_turns=1, results=("4", "5" * 900))

    planned = plan_response(replace(REQUEST, conversation=conversation), number=1)

    assert planned.text.startswith("Simulated answer (no model was asked): the tools gave: 4; 55")
    assert len(planned.text) < 600


def test_files_are_named_in_the_answer_and_cost_tokens() -> None:
    planned = plan_response(replace(REQUEST, files=("image/png (68 bytes)",)), number=1)

    assert planned.text.endswith("Files that came with it: image/png (68 bytes).")
    assert planned.input_tokens == plan_response(REQUEST, number=1).input_tokens + 300


def test_the_request_log_drops_the_oldest_but_continues_to_count() -> None:
    request_log = RequestLog(capacity=2, clock=lambda: 0.0)

    for _ in range(3):
        request_log.add(Vendor.OPENAI)

    assert [entry["number"] for entry in request_log.list_after()] == [2, 3]
    assert [entry["number"] for entry in request_log.list_after(2)] == [3]
    assert request_log.list_after()[0]["asked_at"] == "1970-01-01T00:00:00.000000+00:00"
