"""Cascades: cheap first, dearer after a refused answer, bounded, declined where they lose."""

from typing import Any

import pytest

from agents.errors import NoModel
from agents.selection.choice import Choice
from agents.selection.choose import choose_model
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from tests.support.agents.selection import CATALOGUE, CHEAP, MIDDLE, TOP, knowing, seen, wanted

HAIKU = "claude-haiku-5-5"
SERVED = (TOP, MIDDLE, HAIKU, CHEAP)
COST = {"preference": "cost"}


def made(knowledge: Knowledge = NOTHING_KNOWN, *served: str, **fields: Any) -> Choice:
    question = wanted("cascade", *(served or SERVED), **({"preferences": COST} | fields))
    return choose_model(question, CATALOGUE, knowledge)


def checked(n: int, share: float, passed: float, good: float) -> Any:
    return seen(n, share, checked=n, passed=n * passed, passed_good=n * good)


def test_without_experience_the_cheapest_that_is_nearly_as_good_goes_first() -> None:
    choice = made()

    assert choice.selected.model_id == HAIKU
    assert choice.pick.escalate_to == MIDDLE
    assert "no checks were counted yet" in choice.reason


def test_the_better_the_quality_that_is_asked_for_the_less_worse_a_first_rung_may_be() -> None:
    choice = made(preferences={"preference": "quality"})

    assert choice.selected.model_id == MIDDLE
    assert choice.pick.escalate_to is None
    assert choice.reason.startswith("No cascade, because no model is much cheaper")


def test_a_check_that_finds_the_wrong_answers_makes_the_start_worth_it() -> None:
    knowledge = knowing({CHEAP: checked(100, 0.7, 0.7, 0.69), MIDDLE: seen(100, 0.8)})

    choice = made(knowledge)

    assert (choice.selected.model_id, choice.pick.escalate_to) == (CHEAP, MIDDLE)
    assert "with the top model the expected quality is" in choice.reason


def test_a_check_that_accepts_everything_does_not() -> None:
    knowledge = knowing({CHEAP: checked(100, 0.6, 0.99, 0.6), MIDDLE: seen(100, 0.9)})

    choice = made(knowledge)

    assert (choice.selected.model_id, choice.pick.escalate_to) == (MIDDLE, None)
    assert "accepts too many wrong answers" in choice.reason


def refused(*models: str, how: str = "check_failed") -> dict[str, str]:
    return dict.fromkeys(models, how)


def test_a_refused_answer_goes_to_the_next_dearer_one_and_never_back() -> None:
    first = made()
    second = made(failed=refused(first.selected.model_id))
    third = made(failed=refused(first.selected.model_id, second.selected.model_id))

    path = [each.selected.model_id for each in (first, second, third)]
    assert path == [HAIKU, MIDDLE, TOP]
    assert first.pick.escalate_to == MIDDLE
    assert "check_failed" in second.reason


def test_a_vendor_that_fails_is_no_reason_to_pay_for_checks() -> None:
    choice = made(failed=refused(CHEAP, how="overloaded"))

    assert choice.selected.model_id != CHEAP
    assert choice.pick.escalate_to is None


def test_when_all_have_failed_there_is_nobody_to_ask() -> None:
    with pytest.raises(NoModel, match="check_failed"):
        made(failed=refused(*SERVED))


def test_experience_of_rescues_decides_whether_the_top_can_save_a_cheap_start() -> None:
    outcomes = {CHEAP: checked(100, 0.5, 0.5, 0.5), MIDDLE: seen(100, 0.8)}
    path = ((CHEAP,), MIDDLE, "code-generation")

    saved = knowing(outcomes, rescues={path: seen(50, 0.7)})
    lost = knowing(outcomes, rescues={path: seen(50, 0.1)})

    wishes = {"preference": "cost"}
    assert made(saved, preferences=wishes).selected.model_id == CHEAP
    assert made(lost, preferences=wishes).selected.model_id == MIDDLE
