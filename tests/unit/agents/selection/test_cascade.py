"""Cascades: asked in turn while the check refuses, declined where the check is too weak."""

from typing import Any

import pytest

from agents.errors import NoModel
from agents.selection.choice import Choice
from agents.selection.choose import choose_model
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from agents.selection.evidence.observations import CheckAccuracy
from agents.selection.ladder import build_ladder
from tests.support.agents.selection import (
    CATALOGUE,
    CHEAP,
    KIND,
    LOCAL,
    MIDDLE,
    TOP,
    knowing,
    seen,
    wanted,
)

HAIKU = "claude-haiku-5-5"
SERVED = (TOP, MIDDLE, HAIKU, CHEAP)
KNOWN = {
    TOP: seen(100, 0.9),
    MIDDLE: seen(100, 0.88),
    CHEAP: seen(100, 0.87),
    HAIKU: seen(100, 0.5),
}


def choose(knowledge: Knowledge = NOTHING_KNOWN, *served: str, **fields: Any) -> Choice:
    question = wanted("cascade", *(served or SERVED), **({"check": "run"} | fields))
    return choose_model(question, CATALOGUE, knowledge)


def list_models(choice: Choice) -> tuple[str, ...]:
    return choice.pick.plan.models if choice.pick.plan else ()


def test_a_check_that_finds_bad_answers_lets_a_cheap_model_begin() -> None:
    choice = choose(knowing(KNOWN))

    assert choice.selected.model_id == CHEAP
    assert choice.pick.escalate_to in {TOP, MIDDLE}
    assert "while running the tests refuses the answers" in choice.reason
    assert f"{TOP} alone has 0.8" in choice.reason


def test_a_check_of_the_form_leaves_it_at_one_model() -> None:
    choice = choose(knowing(KNOWN), check="form")

    assert choice.pick.plan is None
    assert choice.reason.startswith(
        "No cascade, because the check of the form accepts 99.5% of good and 95% of bad answers, "
        "so that more models would raise the expected quality only from 0."
    )


@pytest.mark.parametrize(("bad_passed", "is_used"), [(2.0, True), (100.0, False)])
def test_what_was_seen_of_a_check_takes_the_place_of_what_is_expected(
    bad_passed: float, is_used: bool
) -> None:
    accuracy = CheckAccuracy(good=200.0, good_passed=198.0, bad=100.0, bad_passed=bad_passed)
    checks = {("form", KIND): accuracy}

    choice = choose(knowing(KNOWN, checks=checks), check="form")

    assert (choice.pick.plan is not None) is is_used


def test_quality_begins_with_better_models_than_cost() -> None:
    knowledge = knowing(KNOWN)

    best = choose(knowledge, preferences={"preference": "quality"}).pick.plan
    cheap = choose(knowledge, preferences={"preference": "cost"}).pick.plan

    assert best is not None
    assert cheap is not None
    assert best.quality >= cheap.quality
    assert best.cost_usd >= cheap.cost_usd


def test_speed_counts_seconds_in_place_of_dollars() -> None:
    known = {
        TOP: seen(100, 0.9, total_ms=2_000.0),
        CHEAP: seen(100, 0.89, total_ms=60_000.0),
    }

    choice = choose(knowing(known), TOP, CHEAP, preferences={"preference": "speed"})

    assert choice.selected.model_id == TOP


def refused(*models: str, how: str = "check_failed") -> dict[str, str]:
    return dict.fromkeys(models, how)


def test_a_refused_answer_is_followed_by_a_new_plan_that_never_goes_back() -> None:
    knowledge = knowing(KNOWN)
    first = choose(knowledge)
    second = choose(knowledge, failed=refused(first.selected.model_id))
    third = choose(knowledge, failed=refused(first.selected.model_id, second.selected.model_id))

    path = [each.selected.model_id for each in (first, second, third)]
    assert len({*path}) == 3
    assert second.reason.startswith(f"{CHEAP} failed (check_failed), so now ")
    assert third.pick.escalate_to is None


def test_a_vendor_that_fails_says_nothing_of_answers() -> None:
    choice = choose(knowing(KNOWN), failed=refused(CHEAP, how="overloaded"))

    assert CHEAP not in list_models(choice)
    assert not choice.reason.startswith(CHEAP)


def test_when_all_have_failed_there_is_nobody_to_ask() -> None:
    with pytest.raises(NoModel, match="check_failed"):
        choose(failed=refused(*SERVED))


def test_what_models_did_after_others_failed_decides_whom_to_ask_next() -> None:
    outcomes = {CHEAP: seen(200, 0.8), MIDDLE: seen(200, 0.85), TOP: seen(200, 0.85)}
    rescued = {
        ((CHEAP,), MIDDLE, KIND): seen(80, 0.9),
        ((CHEAP,), TOP, KIND): seen(80, 0.1),
    }

    choice = choose(knowing(outcomes, rescues=rescued), CHEAP, MIDDLE, TOP)

    assert list_models(choice)[:2] == (CHEAP, MIDDLE)


def test_no_rung_is_without_a_price() -> None:
    unpriced = "fireworks/nobody-knows-its-price"
    known = KNOWN | {unpriced: seen(500, 0.99)}

    choice = choose(knowing(known), *SERVED, unpriced)
    alone = choose(knowing(known), unpriced)

    assert choice.candidates[unpriced].refused is None
    assert unpriced not in {each.model_id for each in build_ladder(choice)}
    assert len(list_models(choice)) > 1
    assert alone.selected.model_id == unpriced
    assert alone.reason.startswith("No cascade, because no model of known price fits ")


@pytest.mark.parametrize("seconds_left", [3.0, 30.0])
def test_a_plan_ends_before_the_deadline(seconds_left: float) -> None:
    known = {each: seen(100, 0.8, total_ms=10_000.0) for each in (TOP, MIDDLE, CHEAP)}

    choice = choose(knowing(known), TOP, MIDDLE, CHEAP, seconds_left=seconds_left)

    assert len(list_models(choice) or ("",)) == (1 if seconds_left < 10 else 2)


def test_a_plan_fits_the_budget_with_all_its_models() -> None:
    knowledge = knowing(KNOWN)
    free = choose(knowledge)
    assert free.pick.plan is not None
    dearest = max(each.price for each in free.candidates.values())

    choice = choose(knowledge, budget_usd=dearest)

    assert choice.pick.plan is not None
    assert sum(choice.candidates[each].price for each in list_models(choice)) <= dearest


def test_models_on_this_machine_cost_nothing_and_may_begin() -> None:
    choice = choose(knowing(KNOWN | {LOCAL: seen(100, 0.88)}), TOP, LOCAL)

    assert list_models(choice) == (LOCAL, TOP)
