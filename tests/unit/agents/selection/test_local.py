"""The preference `local`: a model on this machine unless a hosted one is clearly better."""

from typing import Any

import pytest

from agents.selection.choice import Choice
from agents.selection.choose import POLICIES, choose_model
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge, OperatorControl
from agents.selection.evidence.near_best import LOCAL_MARGIN
from agents.selection.ladder import build_ladder, find_strongest, list_different_models
from agents.selection.preferences import Preference
from tests.support.agents.selection import CATALOGUE, CHEAP, MIDDLE, TOP, knowing, seen, wanted

SMALL, TINY, LARGE = "ollama/llama3.1:8b", "ollama/llama3.2:1b", "lmstudio/qwen3-32b"
HOSTED = (TOP, MIDDLE, CHEAP)


def made(
    *local: str, knowledge: Knowledge = NOTHING_KNOWN, policy: str = "auto", **fields: Any
) -> Choice:
    stated = {"preference": "local"} | fields.pop("preferences", {})
    request = wanted(policy, *HOSTED, *local, preferences=stated, **fields)
    return choose_model(request, CATALOGUE, knowledge)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_model_on_this_machine_is_taken_under_every_policy(policy: str) -> None:
    choice = made(SMALL, policy=policy)

    assert choice.selected.model_id == SMALL
    assert choice.reason.startswith("A model on this machine is preferred: ollama/llama3.1:8b")
    assert "not expected to be more than 10 points worse than the best hosted one" in choice.reason
    assert choice.by_preference[Preference.LOCAL] == SMALL
    assert choice.by_preference[Preference.QUALITY] in HOSTED


@pytest.mark.parametrize("policy", POLICIES)
def test_one_that_is_too_small_for_the_work_is_not(policy: str) -> None:
    choice = made(TINY, policy=policy)

    assert choice.selected.model_id in HOSTED
    assert f"but {TINY} (quality 0.40" in choice.reason
    assert "is expected to be more than 10 points worse" in choice.reason


def test_the_same_small_one_is_good_enough_for_easy_work() -> None:
    choice = made(TINY, needs={"taskType": "general", "kind": "chat", "complexity": "low"})

    assert choice.selected.model_id == TINY


def test_what_was_observed_outvotes_the_size() -> None:
    good = knowing({TINY: seen(200, 0.88), MIDDLE: seen(200, 0.9)})
    bad = knowing({SMALL: seen(200, 0.4), MIDDLE: seen(200, 0.9)})

    assert made(TINY, knowledge=good).selected.model_id == TINY
    assert made(SMALL, knowledge=bad).selected.model_id in HOSTED


@pytest.mark.parametrize(
    ("below", "taken"), [(LOCAL_MARGIN - 0.02, SMALL), (LOCAL_MARGIN + 0.02, MIDDLE)]
)
def test_the_margin_decides(below: float, taken: str) -> None:
    known = knowing({SMALL: seen(4_000, 0.9 - below), MIDDLE: seen(4_000, 0.9)})
    request = wanted("scored", MIDDLE, SMALL, preferences={"preference": "local"})

    assert choose_model(request, CATALOGUE, known).selected.model_id == taken


def test_of_several_the_best_is_taken_and_of_equal_ones_the_fastest() -> None:
    known = knowing(
        {
            SMALL: seen(400, 0.9, total_ms=40_000),
            LARGE: seen(400, 0.9, total_ms=9_000),
            TINY: seen(400, 0.8, total_ms=1_000),
        }
    )

    assert made(SMALL, LARGE, TINY, knowledge=known).selected.model_id == LARGE
    assert made(SMALL, TINY).selected.model_id == SMALL


UNABLE: list[tuple[dict[str, Any], str]] = [
    ({"preferences": {"denied_providers": ["ollama"]}}, "deny it"),
    ({"needs": {"webSearch": True}}, "the task searches the web and it cannot"),
    ({"needs": {"modalities": ["text", "image"]}}, "which it does not read"),
    ({"failed": {SMALL: "overloaded"}}, "it already failed at this subtask"),
    ({"needs": {"toolCalls": 8}}, "8 tool calls depend on each other"),
]


@pytest.mark.parametrize(("fields", "why"), UNABLE)
def test_one_that_cannot_do_the_work_is_not_taken_and_the_reason_says_why(
    fields: dict[str, Any], why: str
) -> None:
    choice = made(SMALL, **fields)

    assert choice.selected.model_id in HOSTED
    assert f"none is eligible (ollama/llama3.1:8b: {why}" in choice.reason or why in choice.reason
    assert "A model on this machine is preferred, but none is eligible (" in choice.reason


def test_that_there_is_none_is_said() -> None:
    choice = made()

    assert choice.selected.model_id in HOSTED
    assert choice.reason.endswith("A model on this machine is preferred, but none is served.")


def test_that_accuracy_is_asked_for_leaves_the_choice_to_what_is_expected() -> None:
    needs = {"accuracyNeeded": True}

    assert made(SMALL, needs=needs).selected.model_id == SMALL
    assert made(SMALL, needs=needs, preferences={"preference": "balanced"}).selected.model_id != (
        SMALL
    )


def test_it_is_taken_where_no_hosted_one_is_eligible_however_small() -> None:
    choice = made(TINY, preferences={"data_policy": "local-only"})

    assert choice.selected.model_id == TINY
    assert "no hosted one is eligible" in choice.reason


def test_a_pin_and_the_model_that_the_task_names_precede_it() -> None:
    pinned = Knowledge(controls=(OperatorControl(action="pin", subject=TOP, reason="a test"),))

    assert made(SMALL, knowledge=pinned).selected.model_id == TOP
    assert made(SMALL, requested=CHEAP).selected.model_id == CHEAP


def test_a_ladder_begins_here_and_may_go_on_elsewhere() -> None:
    known = knowing({SMALL: seen(90, 0.85), TOP: seen(90, 0.93)})

    rungs = [each.model_id for each in build_ladder(made(SMALL, knowledge=known, check="run"))]

    assert rungs[0] == SMALL
    assert set(rungs[1:]) & set(HOSTED)


def test_members_of_a_panel_and_its_judge_are_of_here_where_they_are_good_enough() -> None:
    choice = made(SMALL, LARGE, TINY)

    members = [each.model_id for each in list_different_models(choice, 3)]

    assert set(members[:2]) == {SMALL, LARGE}
    assert find_strongest(choice).model_id == LARGE
