"""Counts, limits and pace of an answer."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.pacing import INSTANT, pace_of
from simulator.planned import compose, is_reasoning_model, pieces_of, tokens_in
from simulator.request import Question, Vendor, WireMessage, split_prompt
from simulator.request_log import Journal

QUESTION = Question(
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
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    assert "".join(pieces_of(text)) == text


@pytest.mark.parametrize("limit", [1, 5, 60, 90, 150])
def test_reasoning_and_text_together_keep_to_the_limit(limit: int) -> None:
    draft = compose(replace(QUESTION, max_tokens=limit), number=1)

    assert draft.output_tokens == limit
    assert draft.is_cut


def test_an_answer_within_the_limit_is_not_cut() -> None:
    free = compose(QUESTION, number=1)
    limited = compose(replace(QUESTION, max_tokens=free.output_tokens), number=1)

    assert not free.is_cut
    assert not limited.is_cut
    assert limited.text == free.text


def test_input_counts_prompt_and_context_and_caches_whole_blocks_of_the_context() -> None:
    draft = compose(QUESTION, number=1)

    assert draft.input_tokens == 100 + tokens_in(QUESTION.prompt)
    assert draft.cached_tokens == 64
    assert compose(replace(QUESTION, is_cacheable=False), number=1).cached_tokens == 0


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
def test_a_reasoning_model_is_known_by_its_name(model: str, expected: bool) -> None:
    assert is_reasoning_model(model) is expected


def test_a_quick_model_is_quicker_and_speed_divides_all_times() -> None:
    quick = pace_of("claude-haiku-5-5", seed=0, speed=1)
    thorough = pace_of("claude-opus-5-5", seed=0, speed=1)
    doubled = pace_of("claude-opus-5-5", seed=0, speed=2)

    assert quick.first_token_seconds < thorough.first_token_seconds
    assert quick.seconds_per_token < thorough.seconds_per_token
    assert doubled.first_token_seconds * 2 == pytest.approx(thorough.first_token_seconds)
    assert pace_of("claude-opus-5-5", seed=0, speed=0) == INSTANT


def test_the_prompt_is_the_last_message_of_the_user_and_the_rest_is_context() -> None:
    turns = [
        WireMessage(role="user", content="first"),
        WireMessage(role="assistant", content=[{"type": "text", "text": "answer"}]),
        WireMessage(role="user", content=[{"type": "text", "text": "second"}, {"type": "image"}]),
    ]

    assert split_prompt(turns, "system") == ("second", "system\nfirst\nanswer")
    assert split_prompt(turns[1:2]) == ("", "answer")


def test_the_journal_forgets_the_oldest_but_goes_on_counting() -> None:
    journal = Journal(capacity=2, clock=lambda: 0.0)

    for _ in range(3):
        journal.open(Vendor.OPENAI)

    assert [entry["number"] for entry in journal.listing()] == [2, 3]
    assert [entry["number"] for entry in journal.listing(after=2)] == [3]
    assert journal.listing()[0]["asked_at"] == "1970-01-01T00:00:00.000000+00:00"
