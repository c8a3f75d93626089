"""The result of a debate: who spoke for whom, what it cost, parts and responses."""

from typing import Any

import pytest

from protocol.verification import get_receipt
from tests.unit.agents.workflows.debates import (
    NAMES,
    PANEL,
    a_position,
    a_reply,
    a_ruling,
    argued,
    calls,
    debated,
)

# Stand-ins


def test_a_model_that_stands_in_for_two_is_named() -> None:
    stood_in = a_position("yes") | {"model_used": "a"}

    played = debated(a_position("yes"), stood_in, a_position("yes"))

    assert "a spoke for two, because another model failed." in played.output["notes"]


def test_a_judge_that_fails_is_followed_by_another_one() -> None:
    models = [*PANEL["models"], {"role": "judge_2", "model": "e", "maker": "e"}]

    played = argued(
        verdict=[{"text": "I abstain."}, a_ruling("tabs") | {"model_used": "e"}],
        decisions={"panel": {"models": models}},
    )

    assert [
        each.request["model"]
        for each in played.steps
        if each.key.startswith("verdict") and each.kind == "ask"
    ] == ["d", "e"]
    assert played.output["decided_by"] == "e"
    said = [(each["status"], each["model"]) for each in played.output["parts"][-2:]]
    assert said == [("failed", "d"), ("complete", "e")]
    assert len(played.output["responses"]) == 4


def test_who_stands_in_goes_on_and_does_not_judge() -> None:
    played = debated(
        [a_position("tabs"), a_reply("tabs")],
        [a_position("spaces") | {"model_used": "d"}, a_reply("spaces") | {"model_used": "d"}],
        [a_position("spaces"), a_reply("spaces")], verdict=a_ruling("tabs") | {"model_used": "e"},
    )  # fmt: skip

    asked = {each.key: each.request for each in played.steps}
    assert asked["cautious#2"]["model"] == "d"
    assert asked["verdict"]["model"] is None
    assert asked["verdict"]["not_by"] == ["a", "b", "c", "d"]
    assert played.output["decided_by"] == "e"
    assert played.output["verdict"]["dissent"][0].startswith("cautious (d): spaces")


# Money


@pytest.mark.parametrize(
    ("costs", "strongest", "expected"),
    [
        (
            ["0.1", "0.2", "0.3"], {"model": "d", "expected_usd": 0.25},
            "The debate of 3 calls cost $0.60; one answer of d, the strongest: about $0.25 "
            "(estimate).",
        ),
        (["0.001"], {"model": "d", "expected_usd": None}, "One call cost $0.001."),
    ],
)  # fmt: skip
def test_a_debate_says_what_it_has_cost_against_one_strong_answer(
    costs: list[str], strongest: Any, expected: str
) -> None:
    models = PANEL["models"][: len(costs) if len(costs) == 1 else 4]
    panel = {"models": models, "strongest": strongest}

    played = debated(*(a_position("yes", usd=usd) for usd in costs), decisions={"panel": panel})

    assert get_receipt(played.output) == expected
    assert played.output["receipt"]["calls"] == len(costs)


def test_a_debate_saves_the_second_round_if_the_budget_is_short() -> None:
    played = debated(
        *(a_position(each, usd="0.2") for each in ("tabs", "spaces", "spaces")),
        verdict=a_ruling("spaces"), budget_usd=1,
    )  # fmt: skip

    assert calls(played) == [*NAMES, "verdict"]
    assert "The budget did not allow a second round." in played.output["notes"]


# Parts and responses


def test_responses_are_one_text_a_perspective_and_the_verdict_each_with_its_model() -> None:
    played = argued()

    heads = [each.partition("\n")[0] for each in played.output["responses"]]
    assert heads == ["optimistic (a)", "cautious (b)", "balanced (c)", "verdict (d)"]
    assert played.output["responses"][2].startswith("balanced (c)\n\ntabs (confidence 60)")
    parts = [(each["agent"], each["role"], each["model"]) for each in played.output["parts"]]
    assert parts == [
        ("optimistic", "debate_1", "a"), ("cautious", "debate_2", "b"),
        ("balanced", "debate_3", "c"), ("verdict", "judge", "d"),
    ]  # fmt: skip
    assert [each.get("perspective") for each in played.output["parts"]] == [*NAMES, None]


def test_without_a_judge_a_debate_that_differs_shows_all_and_decides_nothing() -> None:
    models = {"models": PANEL["models"][:2]}
    positions = ([a_position(each), a_reply(each)] for each in ("tabs", "spaces"))

    played = debated(*positions, decisions={"panel": models})

    assert calls(played)[-1] == "cautious#2"
    assert played.output["verdict"]["decision"] is None
    assert played.output["responses"][-1].startswith("verdict (nobody decided)")


def test_without_any_model_the_task_fails() -> None:
    played = debated(decisions={"panel": {"models": [], "problem": "no executor"}})

    assert played.failure is not None
    assert played.failure.error_class == "no_model"


@pytest.mark.parametrize(
    ("positions", "decision"),
    [
        (("yes", "no", "no"), "Yes."),
        (("Yes, now", "No, never", "Yes, soon"), "Yes, but slowly"),
        (("42 apples", "41 apples", "41"), "It is 42"),
        (("tabs", "spaces", "tabs"), "Tabs it is."),
    ],
)
def test_a_judge_cannot_say_that_who_contradicts_it_agrees(
    positions: tuple[str, ...], decision: str
) -> None:
    played = debated(
        *([a_position(each), a_reply(each)] for each in positions),
        comparison={"groups": [[1], [2], [3]]}, verdict=a_ruling(decision, 1, 2, 3),
    )  # fmt: skip

    dissent = played.output["verdict"]["dissent"]
    assert any(each.startswith(f"cautious (b): {positions[1]}.") for each in dissent)
