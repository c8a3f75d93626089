"""The policy `explore`: what it tries, and how much that may lose."""

from dataclasses import replace
from typing import Any

from agents.selection.choice import Choice
from agents.selection.choose import choose_model
from agents.selection.evidence.knowledge import Knowledge
from tests.support.agents.selection import (
    CATALOGUE,
    CHEAP,
    LOCAL,
    MIDDLE,
    TOP,
    knowing,
    seen,
    wanted,
)


def explore(knowledge: Knowledge, **fields: Any) -> Choice:
    return choose_model(wanted("explore", **fields), CATALOGUE, knowledge)


def tries(knowledge: Knowledge, **fields: Any) -> list[str]:
    return [explore(knowledge, seed=f"task {n}", **fields).selected.model_id for n in range(400)]


def test_explore_tries_what_is_little_known_within_the_budget_of_mistakes() -> None:
    knowledge = replace(knowing({MIDDLE: seen(200, 0.85), CHEAP: seen(2, 1.0)}), mistakes=0.01)

    chosen = tries(knowledge, preferences={"denied_models": [TOP]})
    expected = explore(knowledge).candidates
    lost = sum(
        expected[MIDDLE].estimate.quality - expected[each].estimate.quality for each in chosen
    )

    assert chosen.count(CHEAP) > 0
    assert chosen.count(MIDDLE) > 100
    assert lost / len(chosen) <= 0.01 * 1.5


def test_without_a_budget_of_mistakes_explore_tries_nothing_that_may_be_worse() -> None:
    knowledge = knowing({MIDDLE: seen(200, 0.9), CHEAP: seen(20, 0.8)})
    wish = {"preferences": {"denied_models": [TOP, LOCAL]}}

    assert set(tries(replace(knowledge, mistakes=0.0), **wish)) == {MIDDLE}
    assert set(tries(replace(knowledge, mistakes=1.0), **wish)) == {MIDDLE, CHEAP}


def test_explore_tries_the_likelier_model_more_often_than_the_less_likely_one() -> None:
    knowledge = replace(
        knowing({MIDDLE: seen(200, 0.85), CHEAP: seen(9, 0.9), LOCAL: seen(9, 0.5)}), mistakes=0.1
    )

    chosen = tries(knowledge, preferences={"preference": "quality"})

    assert chosen.count(CHEAP) > chosen.count(LOCAL)


def test_explore_does_not_try_what_is_known_to_be_worse_or_is_far_dearer() -> None:
    knowledge = knowing({MIDDLE: seen(300, 0.9), CHEAP: seen(300, 0.5), LOCAL: seen(300, 0.4)})

    assert set(tries(knowledge)) <= {MIDDLE, TOP}
    assert MIDDLE in tries(knowledge)


def test_the_same_seed_makes_the_same_choice() -> None:
    knowledge = knowing({MIDDLE: seen(200, 0.85)})

    assert tries(knowledge) == tries(knowledge)
