"""The choice and reason of each policy, from priors and observations."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.selection.choice import Choice
from agents.selection.choose import POLICIES, choose_model
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from agents.selection.evidence.observations import Observations, Observed
from agents.selection.preferences import Preference
from protocol.records.models import PolicyName
from tests.support.agents.selection import (
    CATALOGUE,
    CHEAP,
    CODING_MODEL,
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
    assert "use the policy auto or scored to apply it" in choice.reason


def test_where_no_role_is_served_the_preference_decides() -> None:
    served = (CHEAP, "gpt-6.1-terra")
    knowledge = knowing({CHEAP: seen(200, 0.88), "gpt-6.1-terra": seen(200, 0.9)})
    by = {
        each: choose_model(
            wanted("rules", *served, preferences={"preference": each}), CATALOGUE, knowledge
        )
        for each in ("quality", "cost")
    }

    assert by["quality"].selected.model_id == "gpt-6.1-terra"
    assert by["cost"].selected.model_id == CHEAP


KNOWN = knowing(
    {
        TOP: seen(400, 0.93, answered=9, total_ms=20_000),
        MIDDLE: seen(400, 0.926, total_ms=9_000),
        CHEAP: seen(400, 0.91, total_ms=12_000),
    }
)
"""All are well known; they differ by little, and the dearer the better."""


@pytest.mark.parametrize(
    ("preference", "model"),
    [("quality", TOP), ("balanced", MIDDLE), ("speed", MIDDLE), ("cost", CHEAP)],
)
def test_scored_takes_the_least_cost_or_time_near_the_best_known(
    preference: str, model: str
) -> None:
    choice = made("scored", KNOWN, preferences={"preference": preference})

    assert choice.selected.model_id == model
    assert "best known" in choice.reason
    assert "code-generation" in choice.reason


@pytest.mark.parametrize("policy", ["auto", "scored", "explore"])
def test_outcomes_outvote_the_prior(policy: str) -> None:
    knowledge = knowing({MIDDLE: seen(100, 0.2), CHEAP: seen(100, 0.95)})

    choice = made(policy, knowledge)

    assert choice.selected.model_id == CHEAP
    assert "100 outcomes" in choice.reason


def test_success_at_other_work_raises_the_expectation() -> None:
    elsewhere = {
        (model, kind): seen(100, share)
        for kind in ("general", "maths", "code-analysis")
        for model, share in ((CHEAP, 0.98), (MIDDLE, 0.3), (TOP, 0.6))
    }
    knowledge = Knowledge(observations=Observations(outcomes=elsewhere))

    assert taken("scored", knowledge) == CHEAP


@pytest.mark.parametrize("policy", ["auto", "scored"])
@pytest.mark.parametrize("preference", ["quality", "balanced", "speed", "cost"])
def test_the_default_is_used_while_nothing_is_known(policy: str, preference: str) -> None:
    choice = made(policy, preferences={"preference": preference})

    assert choice.selected.model_id == MIDDLE
    assert "No model is known well enough at code-generation yet" in choice.reason


def test_a_good_start_of_a_cheap_model_is_not_enough() -> None:
    knowledge = knowing({CHEAP: seen(4, 1.0), LOCAL: seen(3, 1.0)})

    assert taken("auto", knowledge) == taken("scored", knowledge) == MIDDLE


@pytest.mark.parametrize("policy", ["auto", "scored"])
def test_answers_that_nobody_judged_change_no_choice(policy: str) -> None:
    unjudged = Observed(answered=500, output_tokens=700, total_ms=100)

    assert taken(policy, knowing({CHEAP: unjudged, LOCAL: unjudged})) == MIDDLE


def test_auto_stays_with_the_default_until_another_model_is_known_to_be_better() -> None:
    close = knowing({MIDDLE: seen(60, 0.90), TOP: seen(60, 0.93)})
    clear = knowing({MIDDLE: seen(400, 0.70), TOP: seen(400, 0.93)})

    stayed = made("auto", close)
    assert stayed.selected.model_id == MIDDLE
    assert stayed.reason.startswith("The default model (quality 0.9")
    assert "no other is known to be better at code-generation, and no model within 0.75" in (
        stayed.reason
    )
    assert stayed.by_preference[Preference.QUALITY] == MIDDLE
    assert taken("auto", close, preferences={"preference": "quality"}) == MIDDLE
    assert made("scored", close).by_preference[Preference.QUALITY] == TOP
    assert taken("scored", close, preferences={"preference": "quality"}) == TOP
    assert taken("auto", clear) == TOP


def test_auto_takes_an_equal_of_the_default_that_costs_less() -> None:
    knowledge = knowing({MIDDLE: seen(300, 0.9), CHEAP: seen(300, 0.9), LOCAL: seen(300, 0.5)})

    choice = made("auto", knowledge)

    assert choice.selected.model_id == CHEAP
    assert f"that is {MIDDLE}" in choice.reason


@pytest.mark.parametrize("needs", [{"performanceNeeded": True}, {"taskType": "specialized-coding"}])
def test_auto_follows_a_documented_rule_that_applies(needs: dict[str, object]) -> None:
    served = (MIDDLE, CHEAP, CODING_MODEL)
    knowledge = knowing({CHEAP: seen(300, 0.99), MIDDLE: seen(300, 0.99)})
    by = {
        policy: choose_model(wanted(policy, *served, needs=needs), CATALOGUE, knowledge)
        for policy in ("rules", "auto")
    }

    assert by["auto"].selected.model_id == by["rules"].selected.model_id == CODING_MODEL
    assert by["auto"].reason == by["rules"].reason
    assert set(by["auto"].by_preference.values()) == {CODING_MODEL}


def test_a_rule_whose_roles_nobody_serves_leaves_the_choice_to_the_preference() -> None:
    dear = "gpt-6-astra"
    knowledge = knowing({CHEAP: seen(300, 0.93), dear: seen(300, 0.95)})
    question = wanted("auto", CHEAP, dear, needs={"performanceNeeded": True})

    choice = choose_model(question, CATALOGUE, knowledge)

    assert choice.selected.model_id == choice.by_preference[Preference.BALANCED]
    assert set(choice.by_preference.values()) == {CHEAP, dear}


@pytest.mark.parametrize("preference", list(Preference))
@pytest.mark.parametrize("policy", ["auto", "scored"])
def test_what_a_preference_is_said_to_take_is_what_it_takes(
    policy: str, preference: Preference
) -> None:
    knowledge = knowing({MIDDLE: seen(300, 0.9), CHEAP: seen(300, 0.88), TOP: seen(300, 0.93)})

    said = made(policy, knowledge).by_preference[preference]

    assert said == taken(policy, knowledge, preferences={"preference": preference.value})


def test_easy_work_goes_to_a_cheap_model_of_which_leaderboards_know_enough() -> None:
    served = (MIDDLE, TOP, "claude-haiku-5-5", LOCAL)
    chat = {"taskType": "general", "kind": "chat", "complexity": "low"}

    choice = choose_model(wanted("auto", *served, needs=chat), CATALOGUE)

    assert choice.selected.model_id == "claude-haiku-5-5"


def test_a_model_that_is_known_to_be_bad_is_left_for_one_of_which_nothing_is_known() -> None:
    knowledge = knowing({MIDDLE: seen(300, 0.05)})

    assert taken("auto", knowledge) != MIDDLE
    assert taken("scored", knowledge) != MIDDLE


def test_without_a_default_a_dear_model_is_used_while_nothing_is_known() -> None:
    served = ("fireworks/gpt-oss-20b", "openrouter/llama-3.3-70b-instruct", "o3")

    costs = sorted(
        (each.price, id_)
        for id_, each in choose_model(wanted("scored", *served), CATALOGUE).candidates.items()
    )

    assert choose_model(wanted("scored", *served), CATALOGUE).selected.model_id == costs[2][1]


def test_a_long_summary_goes_to_a_cheap_model_at_the_price_of_its_length() -> None:
    served = (MIDDLE, TOP, "gpt-6.1-terra", "gpt-6.2-astra")
    summary = {"taskType": "general", "kind": "summary"}
    long, short = (
        choose_model(wanted("auto", *served, needs=summary, prompt_characters=each), CATALOGUE)
        for each in (900_000, 900)
    )

    cheapest = min(long.candidates.values(), key=lambda each: each.price)
    assert long.selected.model_id == cheapest.model_id == "gpt-6.1-terra"
    # Above 272,000 tokens each of them costs twice as much.
    cost, usual = long.selected.estimate.cost_usd, short.selected.estimate.cost_usd
    assert cost is not None
    assert usual is not None
    assert cost > 2 * 300_000 * 1e-6


def test_cached_prompts_and_shorter_answers_lower_the_expected_cost() -> None:
    def cost(**fields: Any) -> float:
        knowledge = knowing({MIDDLE: seen(50, 0.9, **fields)})
        return made("rules", knowledge, prompt_characters=30_000).selected.price

    usual = cost()

    assert cost(input_tokens=10_000, cached_tokens=9_000, output_tokens=1_350) < usual * 0.7
    assert cost(output_tokens=100) < usual < cost(output_tokens=9_000)


def test_a_model_whose_answer_may_cost_more_than_is_left_is_set_aside() -> None:
    served = (MIDDLE, "claude-haiku-5-5")

    capped = choose_model(wanted("rules", *served, budget_usd=0.05), CATALOGUE)
    short = choose_model(
        wanted("rules", *served, budget_usd=0.05, max_output_tokens=500), CATALOGUE
    )

    assert capped.selected.model_id == "claude-haiku-5-5"
    assert "may cost up to $" in (capped.candidates[MIDDLE].set_aside or "")
    assert short.selected.model_id == MIDDLE


def test_a_model_that_is_unwell_falls_behind_and_comes_back() -> None:
    known = {MIDDLE: seen(300, 0.9), TOP: seen(300, 0.89)}

    assert taken("auto", knowing(known)) == MIDDLE
    assert taken("auto", knowing(known, health={MIDDLE: "degraded"})) == TOP


def test_cheapest_takes_the_least_expected_cost() -> None:
    served = (MIDDLE, "gpt-6.1-terra", "gpt-6.1-sol")

    choice = choose_model(wanted("cheapest", *served), CATALOGUE)

    assert choice.selected.model_id == "gpt-6.1-terra"


@pytest.mark.parametrize(("preference", "model"), [("balanced", MIDDLE), ("cost", CHEAP)])
def test_cheapest_has_a_floor(preference: str, model: str) -> None:
    knowledge = knowing({MIDDLE: seen(300, 0.92), CHEAP: seen(300, 0.85), LOCAL: seen(300, 0.4)})

    choice = made(
        "cheapest", knowledge, preferences={"preference": preference, "denied_models": [TOP]}
    )

    assert choice.selected.model_id == model
    assert "points worse than" in choice.reason


def test_without_any_price_cheapest_gives_that_reason() -> None:
    choice = choose_model(wanted("cheapest", "elsewhere/a", "elsewhere/b"), CATALOGUE)

    assert choice.selected.model_id == "elsewhere/a"
    assert "the cheapest model is unknown" in choice.reason


def test_fastest_takes_the_least_time_once_it_was_measured() -> None:
    few = knowing({TOP: seen(4, 0.9, first_token_ms=10, total_ms=100)})
    enough = knowing({TOP: seen(50, 0.9, first_token_ms=10, total_ms=100)})

    assert "without measurements" in made("fastest", few).reason
    assert taken("fastest", enough) == TOP
    assert ", measured" in made("fastest", enough).reason


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
    judged_by = {"run": 49.06, "edit": 0.9}
    took: dict[str, Any] = {"cost_usd": 0.001, "first_token_ms": 300, "total_ms": 2000}
    knowledge = knowing({CHEAP: seen(50, 0.9, judged_by=judged_by, **took)})
    choice = made("scored", knowledge, preferences={"denied_models": [TOP]})

    record = choice.to_record()

    assert record.policy == "scored"
    candidates = record.candidates.expand()
    assert [each["rank"] for each in candidates] == [1, 2, 3, None]
    assert candidates[0]["model_id"] == record.selected_model
    assert candidates[-1]["refused"] == "the task's preferences deny it"
    [cheap] = [each for each in candidates if each["model_id"] == CHEAP]
    assert cheap["expected"]["low"] < cheap["expected"]["quality"] < cheap["expected"]["high"]
    assert cheap["expected"]["outcomes"] == 50
    assert cheap["expected"]["judged_by"] == {"run": 49.1, "edit": 0.9}
    assert cheap["expected"]["total_ms"] < 5_000
    preferred = [each for row in candidates for each in row.get("preferred_by", [])]
    assert sorted(preferred) == ["balanced", "cost", "local", "quality", "speed"]
    assert [each.model_id for each in choice.alternatives] == [
        each["model_id"] for each in candidates[1:3]
    ]


def test_the_numbers_of_an_alternative_name_its_price_or_say_that_it_is_unknown() -> None:
    choice = choose_model(wanted("scored", MIDDLE, CHEAP, "elsewhere/a"), CATALOGUE)

    reasons = choice.recommend(3)

    cost = choice.ranking[CHEAP].estimate.cost_usd
    assert f"about ${cost:.4f}" in reasons[CHEAP]
    assert "no known price" in reasons["elsewhere/a"]


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
