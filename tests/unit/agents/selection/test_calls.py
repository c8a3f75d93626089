"""Calls of tools, sizes and speeds of open models in the choice."""

import math
from dataclasses import replace
from typing import Any

import pytest

from agents.selection.choice import Choice
from agents.selection.choose import choose_model
from agents.selection.evidence.calls import expect_failed_calls, expect_rejected_calls
from agents.selection.evidence.estimates import Forecaster
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from agents.selection.evidence.observations import Observations, Observed
from agents.selection.evidence.priors import LONGEST_S, guess_ability
from agents.selection.model_profiles import get_profile_cache
from agents.selection.requirements import MANY_TOOL_CALLS, MANY_TOOLS, Requirements
from providers.catalogue.open_models import Measured, OpenModel
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

OTHER, THIRD = "lmstudio/b", "llamacpp/c"
CALLING = {"toolCalls": 1}
COMPLEX: list[tuple[dict[str, Any], str]] = [
    ({"needs": {"toolCalls": MANY_TOOL_CALLS}}, "5 tool calls depend on each other"),
    ({"needs": {**CALLING, "offeredTools": MANY_TOOLS}}, "there are 10 tools to choose from"),
    ({"needs": CALLING, "preferences": {"preference": "quality"}}, "prefers quality"),
]
SIMPLE: list[dict[str, Any]] = [
    {"needs": CALLING},
    {"needs": {**CALLING, "offeredTools": MANY_TOOLS - 1}},
    {"preferences": {"preference": "quality"}},
]


def an_open_model(lane: str, **facts: Any) -> OpenModel:
    return OpenModel(lane=lane, own_id=lane.partition("/")[2], **facts)


def made(
    *served: str, knowledge: Knowledge = NOTHING_KNOWN, known: Any = (), **fields: Any
) -> Choice:
    request = wanted("scored", *served, **fields)
    request = replace(request, open_models=frozenset(known))
    return choose_model(request, CATALOGUE, knowledge)


@pytest.mark.parametrize(("fields", "why"), COMPLEX)
def test_a_model_that_writes_calls_as_text_is_set_aside_for_complex_orchestration(
    fields: dict[str, Any], why: str
) -> None:
    text = an_open_model(LOCAL, tool_mode="text")

    both = made(LOCAL, MIDDLE, known=[text], **fields)
    alone = made(LOCAL, known=[text], **fields)

    assert both.selected.model_id == MIDDLE
    aside = str(both.candidates[LOCAL].set_aside)
    assert "it writes calls as text, and " in aside
    assert why in aside
    assert alone.selected.model_id == LOCAL, "with local models only, the work is done here"
    assert "because no other model is eligible" in alone.reason


@pytest.mark.parametrize(("fields", "why"), COMPLEX)
def test_so_is_one_of_whose_calls_many_are_rejected(fields: dict[str, Any], why: str) -> None:
    poor = knowing({CHEAP: Observed(answered=90, called=40, calls_rejected=14.0)})

    choice = made(CHEAP, MIDDLE, knowledge=poor, **fields)

    aside = str(choice.candidates[CHEAP].set_aside)
    assert choice.selected.model_id == MIDDLE
    assert "28% of its calls of tools cannot be run, and " in aside
    assert why in aside


@pytest.mark.parametrize("fields", SIMPLE)
def test_for_other_work_they_are_not(fields: dict[str, Any]) -> None:
    poor = knowing({CHEAP: Observed(answered=90, called=40, calls_rejected=14.0)})
    text = an_open_model(LOCAL, tool_mode="text")

    choice = made(CHEAP, MIDDLE, LOCAL, knowledge=poor, known=[text], **fields)

    assert choice.candidates[CHEAP].set_aside is None
    assert choice.candidates[LOCAL].set_aside is None


@pytest.mark.parametrize(("calls_tools", "taken"), [(False, MIDDLE), (True, OTHER), (None, OTHER)])
def test_so_is_one_that_called_no_tool_when_it_was_measured(
    calls_tools: bool | None, taken: str
) -> None:
    found = Measured(tokens_per_s=9, first_token_s=1, calls_tools=calls_tools, measured_at="")
    needs = {**CALLING, "offeredTools": MANY_TOOLS}

    choice = made(
        OTHER, MIDDLE, known=[an_open_model(OTHER, measured=found)], needs=needs,
        preferences={"preference": "local"},
    )  # fmt: skip

    assert choice.selected.model_id == taken


def test_one_that_was_seen_to_call_rightly_is_not_set_aside() -> None:
    good = knowing({CHEAP: Observed(answered=900, called=400, calls_rejected=4.0)})

    choice = made(CHEAP, MIDDLE, knowledge=good, **COMPLEX[0][0])

    assert choice.candidates[CHEAP].set_aside is None


def test_after_bad_calls_no_other_model_of_this_machine_is_next_but_where_policy_says() -> None:
    failed = {LOCAL: "bad_tool_calls"}
    strict = {"data_policy": "local-only"}

    free = made(LOCAL, OTHER, THIRD, MIDDLE, failed=failed, needs=CALLING)
    local = made(
        LOCAL, OTHER, MIDDLE, failed=failed, needs=CALLING, preferences={"preference": "local"}
    )
    bound = made(LOCAL, OTHER, MIDDLE, failed=failed, needs=CALLING, preferences=strict)
    overloaded = made(LOCAL, OTHER, MIDDLE, failed={LOCAL: "overloaded"}, needs=CALLING)

    assert free.selected.model_id == local.selected.model_id == MIDDLE
    assert "no call of tools by ollama/a could be run" in str(free.candidates[OTHER].set_aside)
    assert bound.selected.model_id == OTHER
    assert overloaded.candidates[OTHER].set_aside is None


def test_calls_that_failed_at_other_work_lower_what_is_expected_with_tools_only() -> None:
    outcomes = {
        (OTHER, "code-analysis"): seen(80, 0.9, called=40, calls_failed=20.0, calls_rejected=30.0),
        (THIRD, "code-analysis"): seen(80, 0.9, called=40),
    }
    forecaster = Forecaster(Observations(outcomes=outcomes))
    profiles = [get_profile_cache(CATALOGUE).get(each) for each in (OTHER, THIRD)]

    def expect(**needs: Any) -> list[float]:
        wanted_ = Requirements.model_validate(needs)
        return [each.quality for each in forecaster.estimate(profiles, wanted_, 100)]

    without, with_tools = expect(), expect(toolCalls=1)
    same_kind = expect(taskType="code-analysis", toolCalls=1)
    assert without[0] == pytest.approx(without[1])
    assert with_tools[0] == pytest.approx(without[0] * (1 - 20 / 50))
    assert with_tools[1] == without[1]
    # What happened at this kind of work was judged there, and does not count twice.
    assert same_kind[0] == pytest.approx(same_kind[1])


def test_without_outcomes_text_calls_are_expected_to_fail_more_often() -> None:
    assert expect_failed_calls({}, "tools") == expect_rejected_calls({}) == 0
    assert 0 < expect_failed_calls({}, "tools", writes_text=True) < 0.1
    assert 0 < expect_rejected_calls({}, writes_text=True) < 0.15


@pytest.mark.parametrize(
    "wrong", [Observed(called=1e300, calls_failed=1e308, calls_rejected=1e308)]
)
def test_shares_stay_shares(wrong: Observed) -> None:
    for share in (expect_failed_calls({"x": wrong}, "y"), expect_rejected_calls({"x": wrong})):
        assert 0 <= share <= 1


def test_the_record_says_how_many_calls_are_rejected() -> None:
    poor = knowing({CHEAP: Observed(answered=90, called=40, calls_rejected=14.0)})

    record = made(CHEAP, MIDDLE, TOP, knowledge=poor, needs=CALLING).to_record()

    by = {each["model_id"]: each["expected"] for each in record.candidates.expand()}
    assert (by[CHEAP]["called"], by[CHEAP]["rejected_calls"]) == (40, 0.28)
    assert "called" not in by[TOP]


def test_the_size_that_a_server_states_precedes_the_name() -> None:
    small = an_open_model(OTHER, parameters=0.135)
    named = an_open_model("ollama/x:1b", parameters=32.0)

    choice = made(OTHER, "ollama/x:1b", LOCAL, known=[small, named])
    quality = {id_: each.estimate.quality for id_, each in choice.candidates.items()}

    assert quality[OTHER] < 0.25
    assert quality["ollama/x:1b"] == quality[LOCAL]


def test_the_stated_size_holds_after_the_first_judgement_too() -> None:
    one = Observations(outcomes={(OTHER, "code-generation"): seen(1, 1.0)})

    def expect(found: Observations) -> float:
        choice = made(OTHER, knowledge=Knowledge(observations=found))
        return choice.candidates[OTHER].estimate.quality

    assert expect(replace(one, sizes={OTHER: 0.135})) < expect(one) - 0.05
    assert expect(replace(one, sizes={OTHER: 70.0})) == expect(one)


@pytest.mark.parametrize("size", [math.inf, -1.0, 0.0, 1e-300, 1e300, math.nan])
def test_an_impossible_size_harms_nobody(size: float) -> None:
    assert -3.0 <= guess_ability("llamacpp/c", size) <= 0.0


def test_the_measured_speed_is_expected_before_anything_was_observed() -> None:
    fast = Measured(tokens_per_s=300.0, first_token_s=0.2, measured_at="2026-11-30T00:00:00Z")
    slow = replace(fast, tokens_per_s=2.0, first_token_s=9.0)
    models = [an_open_model(OTHER, measured=fast), an_open_model(THIRD, measured=slow)]

    choice = made(OTHER, THIRD, LOCAL, known=models)
    times = {id_: each.estimate.forecast for id_, each in choice.candidates.items()}

    assert times[OTHER].total_s == pytest.approx(0.2 + 900 / 300)
    assert times[THIRD].total_s == pytest.approx(9.0 + 900 / 2)
    assert (times[OTHER].first_token_s, times[THIRD].first_token_s) == pytest.approx((0.2, 9.0))
    assert not times[OTHER].is_measured, "of this work nothing was measured"


@pytest.mark.parametrize("speed", [0.0, -5.0, math.nan, math.inf, 1e-300])
def test_an_impossible_speed_harms_nobody(speed: float) -> None:
    wrong = Measured(tokens_per_s=speed, first_token_s=speed, measured_at="")

    choice = made(OTHER, MIDDLE, known=[an_open_model(OTHER, measured=wrong)])

    forecast = choice.candidates[OTHER].estimate.forecast
    assert 0 < forecast.first_token_s <= forecast.total_s <= LONGEST_S
