"""What workflows of code and of plans say of the answers by which their work was done."""

from typing import Any

import pytest

from agents.workflows.analyze_code import analyze_code
from agents.workflows.engine import Finished
from agents.workflows.optimize_code import optimize_code
from cogo.testing import Played, fail_with
from tests.support.agents.scripted_flow import (
    DECISIONS,
    ScriptedFlow,
    a_report,
    an_answer,
    play_flow,
    report_output,
)
from tests.unit.agents.workflows import coordinations, plans
from tests.unit.agents.workflows.code_scripts import (
    CODE,
    FAST,
    FIXED,
    SLOW,
    TEST,
    TESTS,
    a_timing,
    findings,
    proof,
)
from tests.unit.agents.workflows.coordinations import DONE, UNFINISHED, coordinated, made


def said(played: Played | ScriptedFlow) -> list[tuple[Any, ...]]:
    """Return the judgements of an end as (step, source, score, judge)."""
    end = played.outcome if isinstance(played, Played) else played.end
    assert isinstance(end, Finished), end
    return [(each.step, each.source, each.score, each.judge) for each in end.judgements]


@pytest.mark.parametrize(
    ("decision", "score"), [({"approved": True}, 1), ({"approved": False, "comment": "no"}, 0)]
)
def test_a_person_judges_the_plan_of_auto(decision: Any, score: float) -> None:
    played = plans.planned(plans.DONE | {"confirm": decision}, params={"review_plan": True})

    assert said(played) == [("proposal", "approval", score, None)]


def test_a_repaired_plan_is_judged_instead_of_the_first_one() -> None:
    broken = plans.told(plans.a_step("a", needs=["none"]))
    answers = plans.DONE | {"proposal": [broken, plans.PLAN], "confirm": True}

    played = plans.planned(answers, params={"review_plan": True})

    assert said(played) == [("proposal#2", "approval", 1, None)]


def test_a_template_and_a_question_about_money_judge_nobody() -> None:
    template = {"proposal": fail_with("invalid_answer"), "confirm": True, "steps/answer": "x"}

    played = plans.planned(lambda step: template.get(step.key, "x"), params={"review_plan": True})

    assert said(played) == []


@pytest.mark.parametrize(
    ("before", "after", "judged"),
    [
        (a_report(0, 1), a_report(1, 1), [1]),
        (a_report(0, 1), a_report(0, 1), [0]),
        (a_report(0, 1), report_output("syntax"), [0]),
        (a_report(0, 1), report_output("unavailable"), []),
        (a_report(1, 1), None, [0]),
        (report_output("crashed"), None, []),
        (report_output("no_tests"), None, []),
    ],
)
def test_the_test_of_a_bug_judges_the_answer_that_found_it(
    before: Any, after: Any, judged: list[float]
) -> None:
    script = {
        "findings": findings(test=TEST, fixed_code=FIXED), "reproduce": before, "fix": after,
    }  # fmt: skip

    played = play_flow(
        analyze_code, script, decisions=DECISIONS, params={"analysis_type": "debug", "code": CODE}
    )

    assert said(played) == [("findings", "own_tests", score, None) for score in judged]


def test_a_bug_that_is_reproduced_without_a_fix_is_a_weaker_sign() -> None:
    script = {"findings": findings(test=TEST), "reproduce": a_report(0, 1)}

    played = play_flow(
        analyze_code, script, decisions=DECISIONS, params={"analysis_type": "debug", "code": CODE}
    )

    assert said(played) == [("findings", "own_tests", 0.7, None)]


@pytest.mark.parametrize(
    ("timing", "score"),
    [
        (a_timing(0.3, 0.1), 1),
        (a_timing(0.3, 0.29, noise=0.02), 0.3),
        (a_timing(0.3, 0.1, equal=False), 0),
        (report_output("failed", basis="exit_code", output="Traceback"), None),
    ],
)
def test_measured_speed_judges_the_answer_that_was_timed(timing: Any, score: float | None) -> None:
    script = {"proof": proof(), "draft": an_answer(FAST), "check": a_report(3, 3), "timing": timing}
    ladder = {"models": DECISIONS["ladder"]["models"][:1]}

    played = play_flow(
        optimize_code, script, decisions=DECISIONS | {"ladder": ladder},
        params={"code": SLOW, "tests": TESTS},
    )  # fmt: skip

    speed = [] if score is None else [("draft", "speed", score, None)]
    assert said(played) == [("draft", "run", 1, None), *speed]


def test_common_tests_that_pass_judge_every_program_and_not_their_author() -> None:
    assert said(coordinated(DONE)) == [
        ("implement/prices", "common_tests", 0.9, "tests"),
        ("implement/shop", "common_tests", 0.9, "tests"),
    ]


FAILED = {"verdict": "failed", "total": 1, "passed_tests": 0}


def test_common_tests_that_fail_judge_the_revision_and_none_of_several_programs() -> None:
    revision = "shop.py:\n```python\ndef total(x): return 2\n```"
    answers = {**DONE, "together": [FAILED, DONE["together"]], "revision": revision}

    assert said(coordinated(answers)) == [("revision", "common_tests", 0.9, "tests")]


def test_common_tests_that_fail_judge_the_only_program() -> None:
    plan = coordinations.a_plan(
        coordinations.a_part("shop", "code", file="shop.py"), coordinations.a_part("Guide")
    )
    answers = {
        **DONE, "strategy": plan, "implement/shop": made(shop__py="def total(x): return 1\n"),
        "together": FAILED, "review": UNFINISHED, "revision": fail_with("budget"),
    }  # fmt: skip

    assert said(coordinated(answers)) == [("implement/shop", "common_tests", 0.3, "tests")]


def test_a_review_of_the_work_of_all_judges_nobody() -> None:
    played = coordinated({**DONE, "together": {"verdict": "no_tests"}, "review": UNFINISHED,
                          "revision": fail_with("budget")})  # fmt: skip

    assert said(played) == []
