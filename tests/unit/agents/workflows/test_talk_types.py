"""CHAT, DEBATE and STRATEGY: the steps and the result of each story."""

import json
from typing import Any, cast

import pytest

from agents.workflows.chat import chat
from agents.workflows.debate import build_debate_receipt, debate, normalize_verdict
from agents.workflows.engine import Finished, HandedOver, Step
from agents.workflows.strategy import strategy
from cogo.testing import Played, fail_with, play
from protocol.records.flows import StepRecord
from protocol.verification import get_receipt

MODELS = {"models": [{"model": each, "maker": each} for each in ("a", "b", "c", "d")]}
DIFFERENT = "different_models:4:debater"


def a_position(verdict: str, **fields: Any) -> dict[str, Any]:
    position = {
        "verdict": verdict,
        "reasons": [f"because {verdict}"],
        "evidence": [],
        "confidence": 70,
        "would_change": f"no {verdict}",
    }
    return {"text": json.dumps(position | fields)}


def a_reply(verdict: str) -> dict[str, Any]:
    return a_position(verdict, attack="weak")


def keys(played: Played) -> list[str]:
    return [each.key for each in played.steps]


def debated(answers: dict[str, Any], models: Any = MODELS, **options: Any) -> Played:
    decisions = {"policy": "rules", DIFFERENT: models}
    return play(debate, prompt="Tabs?", answers=answers, decisions=decisions, **options)


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


def test_a_debate_ends_when_independent_answers_agree() -> None:
    agreed = {f"position_{n}": a_position("Use spaces.") for n in (1, 2)}
    agreed["position_3"] = a_position("use SPACES")

    played = debated(agreed)

    assert keys(played) == ["position_1", "position_2", "position_3"]
    assert played.expect_text().startswith("Use spaces.")
    assert "\n- c: use SPACES (confidence 70)\n" in played.expect_text()
    assert played.output["decided_by"] is None
    assert {each.request["model"] for each in played.steps} == {"a", "b", "c"}


def test_a_debate_argues_once_and_names_the_dissent() -> None:
    answers = {
        "position_1": a_position("tabs"),
        "position_2": a_position("spaces"),
        "position_3": a_position("spaces"),
        "reply_1": a_reply("tabs"),
        "reply_2": a_reply("spaces"),
        "reply_3": a_reply("tabs"),
        "decision": {"text": "Tabs it is.", "model_used": "d"},
    }

    played = debated(answers)

    assert keys(played) == list(answers)
    replies = [each for each in played.steps if each.key.startswith("reply")]
    assert all('number="2"' in str(each.request["prompt"]) for each in replies)
    assert not any("model" in str(each.request["prompt"]) for each in replies)
    decision = played.steps[-1]
    assert (decision.request["model"], decision.answer) == ("d", True)
    text = played.expect_text()
    assert text.startswith("Tabs it is.\n\n## Dissent\n\n- b: spaces.")
    assert "\n- c: spaces (confidence 70), then tabs (confidence 70)\n" in text
    after = [each["after"]["verdict"] for each in played.output["votes"]]
    assert after == ["tabs", "spaces", "tabs"]


def test_a_debate_goes_on_without_those_that_fail_and_says_so() -> None:
    answers = {
        "position_1": a_position("tabs"),
        "position_2": fail_with("overloaded", "busy"),
        "position_3": a_position("spaces"),
        "reply_1": fail_with("overloaded"),
        "reply_3": a_reply("spaces"),
        "reply_2": a_reply("spaces"),
        "decision": fail_with("overloaded", "nobody home"),
    }

    played = debated(answers)

    assert played.expect_text().startswith("No decision was made.")
    assert "A debater could not answer: busy" in played.output["notes"]
    assert "Nobody decided the debate: nobody home" in played.output["notes"]


@pytest.mark.parametrize(
    ("costs", "strongest", "expected"),
    [
        (
            ["0.1", "0.2", "0.3"], {"model": "d", "expected_usd": 0.25},
            "The debate of 3 calls cost $0.60; one answer of d, the strongest: about $0.25 "
            "(estimate).",
        ),
        (["0.1", "0.2"], {}, "The debate of 2 calls cost $0.30."),
        (["0.001"], {"model": "d", "expected_usd": None}, "One call cost $0.001."),
    ],
)  # fmt: skip
def test_a_debate_says_what_it_has_cost_against_one_strong_answer(
    costs: list[str], strongest: Any, expected: str
) -> None:
    answers = {
        f"position_{n}": a_position("yes") | {"cost_usd": usd} for n, usd in enumerate(costs, 1)
    }
    # With one more than it has debaters; two are both debaters.
    count = {3: 4, 2: 3, 1: 1}[len(costs)]

    played = debated(answers, models={"models": MODELS["models"][:count], "strongest": strongest})

    assert get_receipt(played.output) == expected
    assert played.output["receipt"]["calls"] == len(costs)


def test_a_debate_whose_cost_is_not_known_says_so() -> None:
    [one, two] = (Step(cast("Any", None), kind="ask", request={}, read=str) for _ in "ab")
    one.record = StepRecord.model_validate(
        {"key": "a", "kind": "ask", "status": "completed", "cost_usd": "1"}
    )

    receipt = build_debate_receipt([one, two], {})

    assert receipt["sentence"] == "The debate of 2 calls cost an unknown amount."
    assert receipt["cost_usd"] is None


def test_a_debate_that_nobody_can_begin_fails() -> None:
    played = debated({f"position_{n}": fail_with("budget", "none left") for n in (1, 2, 3)})

    assert played.failure is not None
    assert (played.failure.error_class, played.failure.step) == ("budget", "position_1")


def test_a_debate_saves_the_second_round_if_the_budget_is_short() -> None:
    answers: dict[str, Any] = {
        f"position_{n}": a_position(v) | {"cost_usd": "0.2"} for n, v in enumerate("abb", start=1)
    }

    played = debated(answers | {"decision": "b"}, budget_usd=1)

    assert keys(played) == ["position_1", "position_2", "position_3", "decision"]
    assert "The budget did not allow a second round." in played.output["notes"]


@pytest.mark.parametrize(("count", "debaters", "judge"), [(1, 1, None), (2, 2, "a"), (3, 2, "c")])
def test_with_few_models_a_debate_says_what_is_missing(
    count: int, debaters: int, judge: str | None
) -> None:
    answers = {f"position_{n}": a_position(f"v{n}") for n in (1, 2)}
    answers |= {f"reply_{n}": a_reply(f"v{n}") for n in (1, 2)} | {"decision": {"text": "v1"}}

    played = debated(answers, models={"models": MODELS["models"][:count]})

    assert len([each for each in keys(played) if each.startswith("position")]) == debaters
    assert len(played.output["notes"]) == 1
    assert judge is None or played.steps[-1].request["model"] == judge


def test_verdicts_are_compared_without_what_does_not_matter() -> None:
    assert normalize_verdict("The  answer: YES!") == normalize_verdict("answer, yes.")
    assert normalize_verdict("C++") != normalize_verdict("C")
    assert normalize_verdict("3.5") != normalize_verdict("35")


def strategic(**answers: Any) -> Played:
    return play(strategy, prompt="Grow.", answers=answers)


def test_a_plan_without_problems_is_the_strategy() -> None:
    played = strategic(draft="Do X.", critique={"text": '{"problems": []}'})

    assert keys(played) == ["draft", "critique"]
    assert played.text == "Do X."


def test_a_criticised_plan_is_revised_once_by_its_author() -> None:
    draft = {"text": "Do X.", "model_used": "a"}
    played = strategic(draft=draft, critique={"text": '{"problems": ["when?"]}'}, revision="Do Y.")

    assert keys(played) == ["draft", "critique", "revision"]
    assert played.steps[1].request["not_by"] == ["a"]
    assert played.steps[2].request["model"] == "a"
    assert "- when?" in str(played.steps[2].request["prompt"])
    assert isinstance(played.outcome, HandedOver)


def test_a_plan_that_nobody_criticised_says_so() -> None:
    played = strategic(draft="Do X.", critique=fail_with("no_model", "nobody else"))

    assert played.text == "Do X."
    assert played.output["notes"] == ["Nobody criticised the plan: nobody else"]
