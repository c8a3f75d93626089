"""Hard and soft constraints, and what a requested model changes."""

import math
from typing import Any

import pytest

from agents.errors import NoModel
from agents.selection.choice import Choice
from agents.selection.choose import choose_model
from agents.selection.evidence.estimates import MIN_ANSWER_TOKENS
from agents.selection.evidence.knowledge import Knowledge, OperatorControl
from agents.selection.model_profiles import get_profile_cache
from protocol.records.models import PolicyName
from tests.support.agents.selection import (
    CATALOGUE,
    CHEAP,
    CODING_MODEL,
    LOCAL,
    MIDDLE,
    TOP,
    knowing,
    seen,
    wanted,
)

SEARCHES = "perplexity/sonar-pro"
BLIND = "zai/glm-5.3"

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (MIDDLE, {"failed": {MIDDLE: "overloaded"}}, "already failed at this subtask (overloaded)"),
    (MIDDLE, {"preferences": {"denied_models": ["claude-sonnet"]}}, "deny it"),
    (MIDDLE, {"preferences": {"denied_providers": ["anthropic"]}}, "deny it"),
    (MIDDLE, {"preferences": {"allowed_models": [CHEAP]}}, "allow other models only"),
    (MIDDLE, {"preferences": {"allowed_providers": ["openai"]}}, "allow other providers only"),
    (MIDDLE, {"preferences": {"data_policy": "local-only"}}, "may not leave the machine"),
    (CHEAP, {"prompt_characters": 600_000}, "its context window is 128000"),
    (CHEAP, {"needs": {"inputTokens": 200_000}}, "its context window is 128000"),
    (BLIND, {"needs": {"modalities": ["text", "image"]}}, "has images, which it does not read"),
    (BLIND, {"needs": {"modalities": ["pdf"]}}, "has PDF files, which it does not read"),
    ("mistral/mistral-large-4", {"needs": {"modalities": ["pdf"]}}, "it does not read"),
    (SEARCHES, {"needs": {"toolCalls": 1}}, "the task calls tools and it supports none"),
    (TOP, {"budget_usd": 0.0001}, "$0.000100 of the budget is left"),
    (TOP, {"budget_usd": -1.0}, "$0.000000 of the budget is left"),
    ("elsewhere/z", {"budget_usd": 5.0}, "its price is unknown"),
]


@pytest.mark.parametrize(("model", "fields", "why"), REFUSED)
def test_a_hard_constraint_holds_even_against_the_person(
    model: str, fields: dict[str, Any], why: str
) -> None:
    served = (model, LOCAL)

    try:
        choice = choose_model(wanted("rules", *served, **fields), CATALOGUE)
    except NoModel as error:
        assert why in error.message
    else:
        assert why in str(choice.candidates[model].refused)
        assert choice.selected.model_id == LOCAL
    with pytest.raises(NoModel) as caught:
        choose_model(wanted("rules", *served, requested=model, **fields), CATALOGUE)
    assert why in caught.value.message


def test_a_model_of_which_nobody_knows_whether_it_sees_is_used_if_it_is_asked_for() -> None:
    needs = {"modalities": ["text", "image"]}

    assert choose_model(wanted("rules", needs=needs), CATALOGUE).selected.model_id == MIDDLE
    with pytest.raises(NoModel, match="has images, which it is not known to read"):
        choose_model(wanted("rules", LOCAL, needs=needs), CATALOGUE)
    choice = choose_model(wanted("rules", LOCAL, needs=needs, requested=LOCAL), CATALOGUE)
    assert choice.selected.model_id == LOCAL


def test_a_cost_that_equals_what_is_left_of_the_budget_fits() -> None:
    free = choose_model(wanted("rules", TOP), CATALOGUE)
    cost = free.selected.estimate.cost_usd
    assert cost is not None

    assert choose_model(wanted("rules", TOP, budget_usd=cost), CATALOGUE).selected.model_id == TOP
    with pytest.raises(NoModel, match="of the budget is left"):
        choose_model(wanted("rules", TOP, budget_usd=math.nextafter(cost, 0)), CATALOGUE)


def test_a_prompt_that_fits_a_window_exactly_fits() -> None:
    window = CATALOGUE.models[CHEAP].context_window
    assert window is not None
    needs = {"inputTokens": window - MIN_ANSWER_TOKENS}

    assert choose_model(wanted("rules", CHEAP, needs=needs), CATALOGUE).selected.model_id == CHEAP
    with pytest.raises(NoModel, match="its context window is"):
        choose_model(
            wanted("rules", CHEAP, needs={"inputTokens": window - MIN_ANSWER_TOKENS + 1}), CATALOGUE
        )


@pytest.mark.parametrize("barred", [MIDDLE, "anthropic"])
def test_a_banned_model_is_not_taken(barred: str) -> None:
    knowledge = Knowledge(
        controls=(OperatorControl(action="ban", subject=barred, reason="it leaks"),)
    )

    assert (
        choose_model(wanted("rules", MIDDLE, CHEAP), CATALOGUE, knowledge).selected.model_id
        == CHEAP
    )
    with pytest.raises(NoModel, match="banned it"):
        choose_model(wanted("rules", MIDDLE, CHEAP, requested=MIDDLE), CATALOGUE, knowledge)


ASIDE: list[tuple[str, str, dict[str, Any], Knowledge, str]] = [
    (MIDDLE, CHEAP, {}, knowing(health={MIDDLE: "open"}), "currently unavailable"),
    (SEARCHES, LOCAL, {}, knowing(), "not meant for code-generation"),
    (MIDDLE, SEARCHES, {"needs": {"web": True, "taskType": "general"}}, knowing(), "the web"),
    (LOCAL, CHEAP, {"needs": {"accuracyNeeded": True}}, knowing(), "asks for accuracy"),
    (LOCAL, CHEAP, {"needs": {"toolCalls": 8}}, knowing(), "8 tool calls"),
    ("elsewhere/z", LOCAL, {"needs": {"structuredOutput": True}}, knowing(), "not known to take"),
    (MIDDLE, CHEAP, {"needs": {"forcedTools": True}}, knowing(), "cannot be made to call one"),
    (
        MIDDLE,
        CHEAP,
        {"seconds_left": 30.0},
        knowing({MIDDLE: seen(9, 1.0, total_ms=90_000)}),
        "deadline is in 30 s",
    ),
]


@pytest.mark.parametrize("policy", ["rules", "scored", "cheapest", "fastest"])
@pytest.mark.parametrize("case", ASIDE)
def test_soft_constraints_hold_until_nothing_else_is_left(
    policy: str, case: tuple[str, str, dict[str, Any], Knowledge, str]
) -> None:
    model, other, fields, knowledge, why = case
    both = choose_model(wanted(policy, model, other, **fields), CATALOGUE, knowledge)
    assert both.selected.model_id == other
    assert why in str(both.candidates[model].set_aside)

    alone = choose_model(wanted(policy, model, **fields), CATALOGUE, knowledge)
    assert alone.selected.model_id == model
    assert why in alone.reason

    asked = choose_model(
        wanted(policy, model, other, requested=model, **fields), CATALOGUE, knowledge
    )
    assert asked.selected.model_id == model


def test_a_model_that_takes_exactly_as_long_as_there_is_is_in_time() -> None:
    knowledge = knowing({MIDDLE: seen(9, 1.0, total_ms=30_000)})

    def choose(seconds_left: float | None) -> Choice:
        question = wanted("rules", MIDDLE, CHEAP, seconds_left=seconds_left)
        return choose_model(question, CATALOGUE, knowledge)

    usual = choose(None).selected.estimate.forecast.total_s

    assert choose(usual).selected.model_id == MIDDLE
    assert choose(math.nextafter(usual, 0)).selected.model_id == CHEAP


def test_hosted_is_not_chosen_for_accuracy_when_the_data_may_not_leave() -> None:
    needs = {"accuracyNeeded": True, "toolCalls": 9}
    choice = choose_model(
        wanted("scored", needs=needs, preferences={"data_policy": "local-only"}), CATALOGUE
    )

    assert choice.selected.model_id == LOCAL


def test_a_guess_about_time_sets_nobody_aside() -> None:
    assert choose_model(wanted("rules", seconds_left=0.5), CATALOGUE).selected.model_id == MIDDLE


def test_the_rules_go_on_to_the_next_role_and_say_why() -> None:
    knowledge = knowing(health={CODING_MODEL: "open"})
    choice = choose_model(
        wanted("rules", MIDDLE, CODING_MODEL, needs={"performanceNeeded": True}),
        CATALOGUE,
        knowledge,
    )

    assert choice.selected.model_id == MIDDLE
    assert choice.reason == (
        "Performance is needed, but the coding model fireworks/qwen3-coder-480b-a35b-instruct "
        "is not served; using the default model instead."
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt_characters": 9_000_000}, "prompt"),
        ({"preferences": {"denied_models": [MIDDLE]}}, "preferences"),
        ({"budget_usd": 0.0}, "budget_usd"),
        ({"failed": {MIDDLE: "overloaded"}}, None),
    ],
)
def test_when_nothing_is_left_the_error_names_what_the_person_could_change(
    fields: dict[str, Any], field: str | None
) -> None:
    with pytest.raises(NoModel) as caught:
        choose_model(wanted("rules", MIDDLE, **fields), CATALOGUE)

    assert caught.value.field == field
    assert ("the cheapest suitable model" in str(caught.value)) == (field == "budget_usd")


def test_a_budget_that_is_too_small_names_the_cheapest_model_that_would_do() -> None:
    free = choose_model(wanted("rules", TOP, MIDDLE), CATALOGUE)
    costs = {name: free.candidates[name].estimate.cost_usd or 0 for name in (TOP, MIDDLE)}

    with pytest.raises(NoModel) as caught:
        choose_model(wanted("rules", TOP, MIDDLE, budget_usd=0.0), CATALOGUE)

    cheapest = min(costs, key=costs.__getitem__)
    assert f"the cheapest suitable model, {cheapest}, would cost about $0.0" in str(caught.value)


@pytest.mark.parametrize("policy", [each for each in PolicyName if each != PolicyName.ENSEMBLE])
@pytest.mark.parametrize("kind", ["general", "chat", "extraction", "summary", "code-generation"])
def test_with_one_key_a_model_is_chosen_whose_longest_answer_fits_the_cap(
    policy: PolicyName, kind: str
) -> None:
    """As for a row of an AI column: a cap of a row, and 4,096 tokens of an answer."""
    served = [
        each.id
        for each in CATALOGUE.models.values()
        if any(deployment.provider == "openai" for deployment in each.deployments)
    ]
    asked = wanted(
        policy, *served, needs={"kind": kind}, budget_usd=0.05, max_output_tokens=4096,
        prompt_characters=2_000,
    )  # fmt: skip

    chosen = choose_model(asked, CATALOGUE).selected.model_id
    free = [get_profile_cache(CATALOGUE).get(each).cost(2_000, 4096) for each in served]

    most = get_profile_cache(CATALOGUE).get(chosen).cost(2_000, 4096)
    assert most is not None
    assert most <= 0.05 < max(each for each in free if each is not None)


def test_the_message_names_a_few_reasons_and_models_however_many_there_are() -> None:
    lanes = [f"ollama/{number}" for number in range(200)]
    failed = {lane: f"error {number % 40}" for number, lane in enumerate(lanes)}

    with pytest.raises(NoModel) as caught:
        choose_model(wanted("auto", *lanes, failed=failed), CATALOGUE)
    assert "175 more for other reasons" in caught.value.message
    assert len(caught.value.message) < 1_000

    with pytest.raises(NoModel) as caught:
        choose_model(wanted("auto", *lanes, requested=TOP), CATALOGUE)
    assert "and 195 more" in caught.value.message


def test_rules_of_the_deployment_hold_beside_those_of_the_task() -> None:
    strict = CATALOGUE.with_data_policy(("local-only",))

    for stated in ({}, {"data_policy": "any"}, {"data_policy": "no-training"}):
        request = wanted("rules", MIDDLE, LOCAL, preferences=stated)
        choice = choose_model(request, strict)
        assert choice.selected.model_id == LOCAL
        assert "the data policy is local-only" in str(choice.candidates[MIDDLE].refused)
    with pytest.raises(NoModel, match="may not leave the machine"):
        choose_model(wanted("rules", MIDDLE, requested=MIDDLE), strict)
