"""The choice and reason of each policy, from priors and observations."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.selection.choice import Choice
from agents.selection.choose import POLICIES, choose_model
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from agents.selection.evidence.observations import Observations
from agents.selection.evidence.score import WEIGHTS
from agents.selection.policies.explore import SHARE
from agents.selection.preferences import Preference
from protocol.records.models import PolicyName
from tests.support.agents.selection import (
    CATALOGUE,
    CHEAP,
    LOCAL,
    MIDDLE,
    TOP,
    knowing,
    recommend,
    seen,
    wanted,
)

EVERYBODY = (TOP, MIDDLE, CHEAP, LOCAL)


def made(policy: str, knowledge: Knowledge = NOTHING_KNOWN, **fields: Any) -> Choice:
    return choose_model(wanted(policy, **fields), CATALOGUE, knowledge)


def taken(policy: str, knowledge: Knowledge = NOTHING_KNOWN, **fields: Any) -> str:
    return made(policy, knowledge, **fields).selected.model_id


def test_every_policy_has_a_class() -> None:
    assert set(POLICIES) == set(PolicyName)


@pytest.mark.parametrize("preference", ["quality", "speed", "cost"])
def test_under_the_rules_a_preference_changes_nothing_and_the_reason_says_so(
    preference: str,
) -> None:
    choice = made("rules", preferences={"preference": preference})

    assert choice.selected.model_id == MIDDLE
    assert f"The preference {preference} has no effect under the policy rules" in choice.reason
    assert "use the policy scored to apply it" in choice.reason


def test_where_no_role_is_served_the_preference_decides() -> None:
    served = (CHEAP, "gpt-6.1-terra")
    by = {
        each: choose_model(wanted("rules", *served, preferences={"preference": each}), CATALOGUE)
        for each in ("quality", "cost")
    }

    assert by["quality"].selected.model_id == "gpt-6.1-terra"
    assert by["cost"].selected.model_id == CHEAP


@pytest.mark.parametrize(
    ("preference", "model"), [("quality", TOP), ("balanced", MIDDLE), ("cost", CHEAP)]
)
def test_scored_weighs_by_the_preference(preference: str, model: str) -> None:
    served = (TOP, MIDDLE, CHEAP)
    choice = choose_model(
        wanted("scored", *served, preferences={"preference": preference}), CATALOGUE
    )

    assert choice.selected.model_id == model


@pytest.mark.parametrize("policy", ["scored", "explore"])
def test_outcomes_outvote_the_prior(policy: str) -> None:
    knowledge = knowing({MIDDLE: seen(100, 0.2), CHEAP: seen(100, 0.95)})

    choice = made(policy, knowledge)

    assert choice.selected.model_id == CHEAP
    assert "100 outcomes" in choice.reason


def test_success_at_other_work_raises_the_expectation() -> None:
    elsewhere = {(CHEAP, "general"): seen(100, 1.0), (MIDDLE, "general"): seen(100, 0.3)}
    knowledge = Knowledge(observations=Observations(outcomes=elsewhere))

    assert taken("scored", knowledge) == CHEAP


def test_scored_keeps_the_default_without_evidence() -> None:
    knowledge = knowing({MIDDLE: seen(500, 0.90), TOP: seen(500, 0.908)})
    choice = made("scored", knowledge, preferences={"preference": "quality"})

    assert choice.selected.model_id == MIDDLE
    assert "difference is too small, so the default is used" in choice.reason


def test_a_model_that_is_unwell_falls_behind_and_comes_back() -> None:
    ill = knowing(health={MIDDLE: "degraded"})

    assert taken("scored", ill, preferences={"preference": "quality"}) != MIDDLE
    assert taken("scored", preferences={"preference": "balanced"}) == MIDDLE


def test_cheapest_takes_the_least_expected_cost() -> None:
    assert taken("cheapest") == LOCAL
    assert (
        choose_model(wanted("cheapest", TOP, MIDDLE, CHEAP), CATALOGUE).selected.model_id == CHEAP
    )


def test_without_any_price_cheapest_gives_that_reason() -> None:
    choice = choose_model(wanted("cheapest", "elsewhere/a", "elsewhere/b"), CATALOGUE)

    assert choice.selected.model_id == "elsewhere/a"
    assert "the cheapest model is unknown" in choice.reason


def test_observed_costs_count_more_than_a_short_prompt() -> None:
    knowledge = knowing({CHEAP: seen(20, 0.9, cost_usd=0.5)})

    choice = choose_model(wanted("cheapest", MIDDLE, CHEAP), CATALOGUE, knowledge)

    assert choice.selected.model_id == MIDDLE


def test_a_cost_that_was_seen_too_seldom_does_not_count() -> None:
    knowledge = knowing({CHEAP: seen(4, 0.9, cost_usd=0.5)})

    choice = choose_model(wanted("cheapest", MIDDLE, CHEAP), CATALOGUE, knowledge)

    assert choice.selected.model_id == CHEAP


def test_fastest_takes_the_least_time_once_it_was_measured() -> None:
    few = knowing({TOP: seen(4, 0.9, first_token_ms=10, total_ms=100)})
    enough = knowing({TOP: seen(5, 0.9, first_token_ms=10, total_ms=100)})

    assert "without measurements" in made("fastest", few).reason
    assert taken("fastest", enough) == TOP
    assert "measured" in made("fastest", enough).reason


def tries(knowledge: Knowledge, **fields: Any) -> list[str]:
    return [taken("explore", knowledge, seed=f"task {n}", **fields) for n in range(400)]


def test_explore_tries_what_is_little_known_and_never_more_than_its_share() -> None:
    knowledge = knowing({MIDDLE: seen(200, 0.85), CHEAP: seen(2, 1.0)})

    chosen = tries(knowledge)

    assert 0 < chosen.count(CHEAP) <= 400 * SHARE * 1.4
    assert chosen.count(MIDDLE) > 400 * (1 - SHARE) * 0.9


def test_explore_tries_the_likelier_model_more_often_than_the_less_likely_one() -> None:
    knowledge = knowing({MIDDLE: seen(200, 0.85), CHEAP: seen(5, 1.0), LOCAL: seen(5, 0.9)})

    chosen = tries(knowledge, preferences={"preference": "quality"})

    assert chosen.count(MIDDLE) > chosen.count(CHEAP) > chosen.count(LOCAL) > 0


def test_explore_does_not_try_what_is_known_to_be_worse_or_is_far_dearer() -> None:
    knowledge = knowing({MIDDLE: seen(200, 0.9), CHEAP: seen(200, 0.5), LOCAL: seen(200, 0.4)})

    assert set(tries(knowledge)) <= {MIDDLE, TOP}
    assert MIDDLE in tries(knowledge)


def test_the_same_seed_makes_the_same_choice() -> None:
    knowledge = knowing({MIDDLE: seen(200, 0.85)})

    assert tries(knowledge) == tries(knowledge)


def test_an_ensemble_is_of_several_providers_with_the_best_to_judge() -> None:
    choice = choose_model(wanted("ensemble", TOP, MIDDLE, "gpt-6.1-sol", may_team=True), CATALOGUE)

    assert choice.selected.model_id == choice.pick.team[0]
    assert len(choice.pick.team) == 3
    assert {"gpt-6.1-sol"} < set(choice.pick.team)


@pytest.mark.parametrize(
    ("served", "budget_usd", "why"),
    [
        ((TOP, MIDDLE, "gpt-6.1-sol"), 0.02, "more than the budget"),
        ((MIDDLE,), None, "no second model is about as good"),
    ],
)
def test_an_ensemble_that_cannot_be_is_the_documented_model(
    served: tuple[str, ...], budget_usd: float | None, why: str
) -> None:
    question = wanted("ensemble", *served, may_team=True, budget_usd=budget_usd)
    choice = choose_model(question, CATALOGUE)

    assert (choice.selected.model_id, choice.pick.team) == (MIDDLE, ())
    assert why in choice.reason


@pytest.mark.parametrize("policy", list(PolicyName))
def test_the_model_that_a_task_asks_for_wins_under_every_policy(policy: PolicyName) -> None:
    choice = made(policy.value, requested=CHEAP, may_team=True)

    assert choice.selected.model_id == CHEAP
    assert choice.pick.team == ()
    assert choice.pick.escalate_to is None


@pytest.mark.parametrize("policy", list(PolicyName))
def test_the_first_recommendation_is_the_choice(policy: PolicyName) -> None:
    question = wanted(policy.value)

    recommended = recommend(question, CATALOGUE)

    assert recommended[0] == choose_model(question, CATALOGUE).selected.model_id
    assert sorted(recommended) == sorted(EVERYBODY)


def test_a_record_holds_the_numbers_of_every_alternative() -> None:
    knowledge = knowing({CHEAP: seen(50, 0.9, cost_usd=0.001, first_token_ms=300, total_ms=2000)})
    choice = made("scored", knowledge, preferences={"denied_models": [TOP]})

    record = choice.to_record()

    assert record.policy == "scored"
    assert [each["rank"] for each in record.candidates] == [1, 2, 3, None]
    assert record.candidates[0]["model_id"] == record.selected_model
    assert record.candidates[-1]["refused"] == "the task's preferences deny it"
    [cheap] = [each for each in record.candidates if each["model_id"] == CHEAP]
    assert set(cheap["parts"]) == {"quality", "cost", "first_token", "duration"}
    assert cheap["expected"]["outcomes"] == 50
    assert cheap["expected"]["total_ms"] == 2000
    assert [each.candidate.model_id for each in choice.alternatives] == [
        each["model_id"] for each in record.candidates[1:3]
    ]


def test_a_score_is_the_weighted_sum_of_its_parts_and_a_lower_cost_adds_to_it() -> None:
    weights = WEIGHTS[Preference.BALANCED]
    ranking = made("scored").ranking

    for each in ranking.values():
        parts = each.score
        assert parts.total == pytest.approx(
            weights.quality * parts.quality
            + weights.cost * parts.cost
            + weights.first_token * parts.first_token
            + weights.total * parts.duration
        )
    assert ranking[CHEAP].score.cost > ranking[TOP].score.cost


def test_the_numbers_of_an_alternative_name_its_price_or_say_that_it_is_unknown() -> None:
    ranking = choose_model(wanted("scored", CHEAP, "elsewhere/a"), CATALOGUE).ranking

    cost = ranking[CHEAP].candidate.estimate.cost_usd
    assert f"for about ${cost:.4f}" in ranking[CHEAP].summarize()
    assert "at an unknown price" in ranking["elsewhere/a"].summarize()


def test_the_policy_of_a_task_wins_over_its_owners_and_that_over_the_deployments() -> None:
    owner = uuid4()
    knowledge = Knowledge(policy=PolicyName.SCORED, owner_policies={owner: PolicyName.CHEAPEST})
    asked: list[tuple[UUID | None, PolicyName | None, PolicyName]] = [
        (owner, PolicyName.FASTEST, PolicyName.FASTEST),
        (owner, None, PolicyName.CHEAPEST),
        (uuid4(), None, PolicyName.SCORED),
        (None, None, PolicyName.SCORED),
    ]

    for who, said, policy in asked:
        assert knowledge.get_policy(who, said) == policy
