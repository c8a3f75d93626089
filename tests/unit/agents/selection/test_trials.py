"""Trials: which models are tried, for which requests, and how much that may lose."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

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

TASKS = 2_000
EASY = {"needs": {"complexity": "low"}}
KNOWN = knowing({MIDDLE: seen(200, 0.85)})


def choose(knowledge: Knowledge, policy: str = "auto", **fields: Any) -> Choice:
    served = fields.pop("served", (MIDDLE, CHEAP, LOCAL))
    return choose_model(wanted(policy, *served, **(EASY | fields)), CATALOGUE, knowledge)


def count(knowledge: Knowledge, policy: str = "auto", **fields: Any) -> Counter[str]:
    """Count the models of many tasks that differ by nothing but their ids."""
    return Counter(
        choose(knowledge, policy, seed=f"task {n}", **fields).selected.model_id
        for n in range(TASKS)
    )


@pytest.mark.parametrize("policy", ["auto", "scored", "explore"])
@pytest.mark.parametrize("mistakes", [0.002, 0.01])
def test_cheaper_models_are_tried_within_the_budget_of_mistakes(
    policy: str, mistakes: float
) -> None:
    knowledge = replace(knowing({MIDDLE: seen(200, 0.85), CHEAP: seen(2, 1.0)}), mistakes=mistakes)

    chosen = count(knowledge, policy)
    expected = {id_: each.estimate for id_, each in choose(knowledge).candidates.items()}
    lost = sum(
        times * (expected[MIDDLE].quality - expected[id_].quality) for id_, times in chosen.items()
    )

    assert chosen.total() - chosen[MIDDLE] > 0
    assert lost / TASKS <= mistakes


def test_the_budget_also_holds_while_nothing_is_known_of_any_model() -> None:
    knowledge = replace(knowing({MIDDLE: seen(4, 1.0)}), mistakes=0.01)

    tried = count(knowledge, served=(MIDDLE, LOCAL))[LOCAL]

    # The usual model may do everything well, and the others nearly nothing.
    assert 0 < tried / TASKS < 0.03


def test_a_trial_says_so_in_its_reason() -> None:
    trial = next(
        choice
        for n in range(TASKS)
        if (choice := choose(KNOWN, seed=f"task {n}")).selected.model_id != MIDDLE
    )

    assert trial.reason.startswith("A trial, to learn (quality ")
    assert f"otherwise {MIDDLE} (quality 0.9" in trial.reason
    assert trial.pick.order[1] == MIDDLE


@pytest.mark.parametrize(
    "fields",
    [
        {"preferences": {"preference": "quality"}},
        {"needs": {"complexity": "high", "accuracyNeeded": True}, "policy": "scored"},
        {"seconds_left": 20.0},
        {"failed": {"other": "overloaded"}},
        {"preferred_role": "default"},
        {"preferences": {"denied_models": [CHEAP, LOCAL]}},
        {"preferences": {"policy": "rules"}, "policy": "rules"},
        {"requested": MIDDLE},
    ],
)
def test_nothing_is_tried_where_too_much_depends_on_it(fields: dict[str, Any]) -> None:
    assert len(count(KNOWN, **fields)) == 1


def test_nothing_is_tried_without_a_budget_or_a_task() -> None:
    assert set(count(replace(KNOWN, mistakes=0.0))) == {MIDDLE}
    assert choose(replace(KNOWN, mistakes=1.0)).selected.model_id == MIDDLE


def test_nothing_is_tried_where_answers_are_not_judged() -> None:
    unjudged = knowing({MIDDLE: seen(5, 0.85, answered=100.0)})

    assert len(count(knowing())) == 1
    assert len(count(unjudged)) == 1


def test_what_is_known_to_be_worse_is_not_tried() -> None:
    knowledge = knowing({MIDDLE: seen(300, 0.9), CHEAP: seen(300, 0.5), LOCAL: seen(300, 0.4)})

    assert set(count(knowledge)) == {MIDDLE}


def test_the_likelier_model_is_tried() -> None:
    knowledge = knowing({MIDDLE: seen(200, 0.85), CHEAP: seen(9, 0.9), LOCAL: seen(9, 0.5)})

    chosen = count(knowledge)

    assert chosen[CHEAP] > 0
    assert chosen[LOCAL] == 0


def test_trials_of_dearer_models_add_little_to_the_costs() -> None:
    knowledge = replace(knowing({CHEAP: seen(200, 0.6)}), mistakes=1.0)

    chosen = count(knowledge, "scored", served=(CHEAP, TOP))
    costs = {id_: each.price for id_, each in choose(knowledge).candidates.items()}
    costs[TOP] = choose(knowledge, served=(CHEAP, TOP)).candidates[TOP].price
    spent = sum(times * costs[id_] for id_, times in chosen.items()) / TASKS

    assert chosen[TOP] > 0
    assert spent <= costs[CHEAP] * 1.1


def test_the_same_task_makes_the_same_choice() -> None:
    assert count(KNOWN) == count(KNOWN)
