"""CHAT: its steps and its result by each policy."""

from typing import Any

import pytest

from agents.workflows.chat import chat
from agents.workflows.engine import Finished, HandedOver
from cogo.testing import Played, fail_with, play

MODELS = {"models": [{"model": each, "maker": each} for each in ("a", "b", "c", "d")]}


def keys(played: Played) -> list[str]:
    return [each.key for each in played.steps]


def test_chat_is_one_question_that_is_handed_over() -> None:
    played = play(chat, answers={"main": "hello"}, decisions={"policy": "rules"})

    assert keys(played) == ["main"]
    assert isinstance(played.outcome, HandedOver)
    assert not played.suspensions


def test_a_team_answers_at_once_and_its_best_model_combines_what_came() -> None:
    answers = {"main_1": "one", "main_2": fail_with("overloaded"), "main_3": "three", "main": "all"}
    decisions = {"policy": "ensemble", "team": MODELS}

    played = play(chat, answers={**answers, "main_4": "four"}, decisions=decisions)

    assert keys(played) == ["main_1", "main_2", "main_3", "main_4", "main"]
    assert len(played.suspensions) == 1
    last = played.steps[-1]
    assert last.request["model"] == "a"
    assert "3 independent answers" in str(last.request["prompt"])
    assert [each.answer for each in played.steps] == [False] * 4 + [True]


def test_a_team_that_failed_leaves_the_question_to_one_model() -> None:
    answers = {f"main_{n}": fail_with("overloaded") for n in range(1, 5)} | {"main": "alone"}

    played = play(chat, answers=answers, decisions={"policy": "ensemble", "team": MODELS})

    assert played.steps[-1].request["prompt"] == "Do it."


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ({"text": "good"}, ["main"]),
        ({"text": "", "problem": "it is empty"}, ["main", "main#2"]),
        (fail_with("overloaded"), ["main", "main#2"]),
    ],
)
def test_a_cascade_goes_on_only_while_answers_fail(first: Any, expected: list[str]) -> None:
    decisions = {"policy": "cascade", "ladder:answer": {"models": MODELS["models"][:2]}}

    played = play(chat, answers={"main": [first, "better"]}, decisions=decisions)

    assert keys(played) == expected
    assert isinstance(played.outcome, Finished if len(expected) == 1 else HandedOver)
    assert played.text == ("good" if len(expected) == 1 else "better")


@pytest.mark.parametrize(
    ("failure", "is_refused"), [("invalid_answer", True), ("overloaded", False)]
)
def test_only_refused_answers_say_something_of_those_who_come_next(
    failure: str, is_refused: bool
) -> None:
    decisions = {"policy": "cascade", "ladder:answer": {"models": MODELS["models"][:2]}}

    played = play(chat, answers={"main": [fail_with(failure), "better"]}, decisions=decisions)

    first, second = (each.request for each in played.steps)
    assert first["model"] == MODELS["models"][0]["model"]
    assert second.get("after") == ([first["model"]] if is_refused else None)
