"""Quotes: the cost of a choice, and the choice under other preferences."""

from dataclasses import replace
from typing import Any

import pytest

from agents.errors import NoModel
from agents.selection.choice import compare_preferences
from agents.selection.choose import choose_model
from agents.selection.evidence.knowledge import Knowledge
from agents.selection.evidence.observations import Observations, Observed
from agents.selection.preferences import Preference
from agents.selection.quote import build_quote
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from protocol.records.models import PolicyName
from providers.catalogue.catalogue import Catalogue

CATALOGUE = Catalogue.load()
SERVED = ("claude-haiku-4-5", "claude-sonnet-5-5", "gpt-6.1-sol")


def test_a_team_costs_more_than_its_synthesis_alone_and_what_is_unknown_is_not_free() -> None:
    needs = Requirements()
    one = choose_model(
        SelectionRequest(prompt_characters=400, needs=needs, served=SERVED), CATALOGUE
    )
    team = choose_model(
        SelectionRequest(
            prompt_characters=400,
            needs=needs,
            served=SERVED,
            policy=PolicyName.ENSEMBLE,
            may_team=True,
        ),
        CATALOGUE,
    )
    unknown = choose_model(
        SelectionRequest(prompt_characters=400, needs=needs, served=("a-model-of-tomorrow",)),
        CATALOGUE,
    )

    alone, together = build_quote(one), build_quote(team)

    assert team.pick.team
    assert alone.expected is not None
    assert together.expected is not None
    assert together.expected > alone.expected
    assert build_quote(unknown).expected is None


def test_a_cascade_is_quoted_by_how_often_each_model_is_asked() -> None:
    request = SelectionRequest(
        prompt_characters=400,
        needs=Requirements(),
        served=SERVED,
        policy=PolicyName.CASCADE,
        check="run",
    )
    choice = choose_model(request, CATALOGUE)
    first = choose_model(replace(request, requested=choice.selected.model_id), CATALOGUE)

    quote, alone = build_quote(choice), build_quote(first)

    assert choice.pick.plan is not None
    assert quote.expected == pytest.approx(choice.pick.plan.cost_usd, rel=0.01)
    assert quote.low == alone.low
    assert quote.high is not None
    assert alone.high is not None
    assert alone.expected is not None
    assert quote.expected is not None
    assert quote.expected > alone.expected
    assert quote.high > alone.high


@pytest.mark.parametrize("policy", list(PolicyName))
def test_simulated_answers_cost_nothing_and_are_expected_to_be_as_good(
    policy: PolicyName,
) -> None:
    real = SelectionRequest(
        prompt_characters=400, needs=Requirements(), served=SERVED, policy=policy, may_team=True
    )
    simulated = replace(real, simulated=frozenset(SERVED), budget_usd=0.0)
    dear = {
        (name, "code-generation"): Observed(judged=50, good=40, answered=50, cost_usd=3.0)
        for name in SERVED
    }
    seen = Knowledge(observations=Observations(outcomes=dear))  # with the real models

    free = choose_model(simulated, CATALOGUE, seen)

    assert build_quote(free).to_json() == {"low": 0, "expected": 0, "high": 0}
    assert {each.estimate.cost_usd for each in free.alternatives} == {0}
    usual = choose_model(real, CATALOGUE, seen)
    assert {id_: each.estimate.quality for id_, each in free.ranking.items()} == {
        id_: each.estimate.quality for id_, each in usual.ranking.items()
    }
    with pytest.raises(NoModel):
        choose_model(replace(simulated, simulated=frozenset()), CATALOGUE, seen)


def test_what_ifs_name_what_other_preferences_take_and_how_it_differs() -> None:
    candidates: list[dict[str, Any]] = [
        {
            "model_id": "a",
            "expected": {"cost_usd": 0.2, "total_ms": 1000},
            "preferred_by": ["quality"],
        },
        {
            "model_id": "b",
            "expected": {"cost_usd": 0.01, "total_ms": 2000},
            "preferred_by": ["cost", "balanced"],
        },
        {"model_id": "c", "refused": "banned"},
    ]

    found = compare_preferences(candidates, "a", "rules")
    under_auto = compare_preferences(candidates, "a", "auto")

    assert [(each.preference, each.model_id) for each in found] == [
        (Preference.BALANCED, "b"),
        (Preference.COST, "b"),
    ]
    assert found[1].sentence() == (
        "with cost preferred (policy scored): b: 20 times cheaper, 2.0 times slower"
    )
    assert under_auto[0].sentence().startswith("with balanced preferred (policy auto): b: ")
    assert compare_preferences([{"model_id": "a"}], "a", None) == []
