"""AUTO and money: shares of the budget, and what a person is asked for."""

from typing import Any

import pytest

from agents.workflows.planning.estimates import estimate_plan
from tests.unit.agents.workflows.plans import (
    CODE,
    DONE,
    LADDERS,
    PLAN,
    a_step,
    get_step,
    keys,
    planned,
    told,
)


def test_the_budget_is_divided_as_planned_and_else_evenly() -> None:
    plan = told(
        a_step("a", "GENERATE_CODE", budget_usd=0.4), a_step("b", "STRATEGY"),
        a_step("c", "ANALYZE_CODE", ["a"], language="python"),
    ) | {"cost_usd": "0.1"}  # fmt: skip
    answers = {"proposal": plan, "steps/a": CODE, "steps/b": "B", "steps/c": "C"}

    played = planned(answers, budget_usd=1.1)

    budgets = [each.request.get("budget_usd") for each in played.steps]
    assert budgets == [None, "0.4", "0.300000", "0.400000"]
    found = get_step(played, "steps/c").request["params"]
    assert found == {"language": "python", "code": "def run(): ...\n"}


@pytest.mark.parametrize(
    ("params", "decisions", "is_asked"),
    [
        ({"confirm_above_usd": 0.04}, LADDERS, True),
        ({"confirm_above_usd": 0}, LADDERS, True),
        ({"confirm_above_usd": 0.3}, LADDERS, False),
        ({"confirm_above_usd": 100}, {"ladder": ["of-unknown-price"]}, True),
        ({"review_plan": True}, LADDERS, True),
        ({"review_plan": True, "confirm_above_usd": 100}, LADDERS, True),
        ({}, LADDERS, False),
    ],
)
def test_a_person_is_asked_before_the_first_step_if_the_task_wants_that(
    params: Any, decisions: Any, *, is_asked: bool
) -> None:
    played = planned(DONE | {"confirm": True}, params=params, decisions=decisions)

    asked = [each for each in played.steps if each.key == "confirm"]
    assert bool(asked) is is_asked
    assert played.text == "All is done."
    if asked:
        assert keys(played)[:2] == ["proposal", "confirm"]
        show: Any = asked[0].request["show"]
        assert [each["name"] for each in show["steps"]] == ["code", "facts", "report"]
        assert show["estimate"] == played.output["estimate"]
    if decisions is LADDERS and asked:
        question = "Do these 3 steps: 5 calls of models, about $0.05, up to $0.5?"
        assert asked[0].request["question"] == question
        assert asked[0].request["cost_usd"] == 0.05


def test_a_proposal_that_has_cost_much_counts_when_a_person_is_asked() -> None:
    answers = DONE | {"proposal": PLAN | {"cost_usd": "0.3"}, "confirm": True}

    assert "confirm" in keys(planned(answers, params={"confirm_above_usd": 0.3}))


def test_a_person_is_asked_again_if_steps_cost_more_than_expected() -> None:
    answers = DONE | {"steps/more": {"approved": False}}

    played = planned(answers, params={"confirm_above_usd": 0.1})

    # By estimate $0.05, so nobody was asked; then the code has cost $0.2.
    assert keys(played) == ["proposal", "steps/code", "steps/facts", "steps/more"]
    more: Any = get_step(played, "steps/more").request
    assert str(more["question"]).startswith("$0.2 were spent. Do the other 1 of 3 steps")
    assert [each["name"] for each in more["show"]["steps"]] == ["report"]
    assert str(played.text).endswith("## facts\n\nF")
    assert played.output["notes"] == ["report was not done: a person has refused to spend more"]
    agreed = planned(DONE | {"steps/more": True}, params={"confirm_above_usd": 0.1})
    assert agreed.text == "All is done."


def test_child_tasks_ask_before_they_spend_more_than_a_person_was_not_asked_for() -> None:
    plan = told(a_step("a", "GENERATE_CODE"), a_step("b", "STRATEGY", budget_usd=0.01), a_step("c"))
    answers = {"proposal": plan, "steps/a": CODE, "steps/b": "B", "steps/c": "C", "confirm": True}

    played = planned(answers, params={"confirm_above_usd": 0.7})

    caps = {name: get_step(played, name).request for name in ("steps/a", "steps/b")}
    assert {name: each["budget_usd"] for name, each in caps.items()} == {
        "steps/a": "0.300000", "steps/b": "0.01",
    }  # fmt: skip
    assert caps["steps/a"]["params"] == {"on_budget": "ask"}
    asked = planned(answers, params={"confirm_above_usd": 0.01})
    assert get_step(asked, "steps/a").request["budget_usd"] is None
    assert get_step(asked, "steps/a").request["params"] == {}


def test_a_refused_plan_is_not_begun_and_stays_visible() -> None:
    answers = {"proposal": PLAN, "confirm": {"approved": False, "comment": "too much"}}

    played = planned(answers, params={"review_plan": True})

    assert keys(played) == ["proposal", "confirm"]
    assert played.text == "Nothing was done, since the plan was refused: too much"
    assert len(played.output["plan"]) == 3


@pytest.mark.parametrize(("own", "cap"), [(None, 0.45), (0.1, 0.1), (7, 0.45)])
def test_a_question_calls_tools_only_for_its_share_of_the_budget(own: Any, cap: float) -> None:
    plan = told(a_step("a"), a_step("b", "STRATEGY")) | {"cost_usd": "0.1"}
    limits = {} if own is None else {"tool_limits": {"usd": own, "calls": 3}}

    played = planned(
        {"proposal": plan, "steps/a": "A", "steps/b": "B"},
        params={"tools": ["cogo:run_code"], **limits}, budget_usd=1,
    )  # fmt: skip

    given: Any = get_step(played, "steps/a").request["params"]
    assert given["tool_limits"]["usd"] == cap
    assert given["tool_limits"].get("calls") == (None if own is None else 3)


def test_an_estimate_without_a_price_is_unknown() -> None:
    known = {"answer": LADDERS["ladder"], "coding": {"models": [], "problem": "none"}}

    assert estimate_plan(["ASK"], known).usd == 0.01  # type: ignore[arg-type]
    unknown = estimate_plan(["ASK", "GENERATE_CODE"], known)  # type: ignore[arg-type]
    assert (unknown.calls, unknown.usd, unknown.at_most_usd) == (4, None, None)
    assert unknown.describe() == "4 calls of models, of unknown cost"
