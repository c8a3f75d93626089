"""ANALYZE_CODE: findings as data, bugs that a test reproduces, documentation."""

from typing import Any

import pytest

from agents.workflows.analyze_code import analyze_code
from agents.workflows.coding.syntax import compare_syntax
from agents.workflows.engine import FlowFailed, HandedOver
from agents.workflows.params.step_params import EXTRACT_CODE
from cogo.testing import fail_with
from tests.support.agents.scripted_flow import (
    DECISIONS,
    NO_SANDBOX,
    ScriptedFlow,
    a_report,
    an_answer,
    play_flow,
    report_output,
)
from tests.unit.agents.workflows.code_scripts import CODE, FIXED, HIGH, LOW, TEST, findings


def play(script: Any, kind: str, *, decisions: Any = DECISIONS, **params: Any) -> ScriptedFlow:
    given = {"analysis_type": kind, "code": CODE} | params
    return play_flow(analyze_code, script, decisions=decisions, params=given)


def finish(played: ScriptedFlow) -> Any:
    assert played.end.outcome == "finished", played.end
    return played.end


@pytest.mark.parametrize("kind", ["review", "optimize"])
def test_findings_are_data_and_text(kind: str) -> None:
    played = play({"findings": findings()}, kind)

    end = finish(played)
    assert end.output["data"] == {"summary": "It subtracts.", "findings": [HIGH, LOW]}
    assert end.text == (
        "It subtracts.\n\n- **high** line 2: a minus\n  Fix: a + b\n"
        "- **low** a.py:2: a name\n  Fix: rename it\n"
    )
    assert end.output["model_used"] == "cheap"
    assert "verification" not in end.output
    asked = played.get_request("findings")
    assert CODE in asked["prompt"]
    assert asked["schema"]["name"] == "Findings"


def test_a_model_that_gives_no_data_is_asked_for_words() -> None:
    played = play({"findings": fail_with("invalid_answer")}, "review")

    assert isinstance(played.end, HandedOver)
    assert "schema" not in str(played.end.step.request["prompt"])


def test_another_failure_fails_the_task() -> None:
    played = play({"findings": fail_with("budget")}, "review")

    assert isinstance(played.end, FlowFailed)


def test_a_bug_is_reproduced_and_its_fix_passes() -> None:
    script = {
        "findings": findings(test=TEST, fixed_code=FIXED),
        "reproduce": a_report(0, 1), "fix": a_report(1, 1),
    }  # fmt: skip

    played = play(script, "debug", target_file="src/sums.py")

    assert played.get_request("reproduce")["files"] == {"src/sums.py": CODE}
    assert played.get_request("fix")["files"] == {"src/sums.py": FIXED}
    end = finish(played)
    assert end.output["data"]["is_reproduced"] is True
    assert end.output["data"]["is_fixed"] is True
    assert end.output["data"]["test"] == TEST
    assert end.output["verification"]["status"] == "unverified"
    assert "A test reproduces the bug" in end.text
    assert "passes with the fix" in end.text


@pytest.mark.parametrize("report", [a_report(1, 1), report_output("crashed", reason="no module")])
def test_a_test_that_does_not_fail_reproduces_nothing(report: dict[str, Any]) -> None:
    played = play({"findings": findings(test=TEST, fixed_code=FIXED), "reproduce": report}, "debug")

    assert played.keys == ["findings", "reproduce"]
    end = finish(played)
    assert end.output["data"]["is_reproduced"] is False
    assert "The bug was not reproduced; the test gave:" in end.text


@pytest.mark.parametrize(
    ("answer", "decisions", "reason"),
    [
        (findings(), DECISIONS, "no test was written"),
        (findings(test=TEST, findings=[]), DECISIONS, "nothing was found"),
        (findings(test=TEST), NO_SANDBOX, "no executor has a sandbox for python"),
    ],
)
def test_a_bug_that_is_not_run_says_why(answer: Any, decisions: Any, reason: str) -> None:
    played = play({"findings": answer}, "debug", decisions=decisions)

    assert f"The bug was not reproduced: {reason}." in finish(played).text


def test_a_check_that_cannot_be_made_leaves_the_findings() -> None:
    script = {"findings": findings(test=TEST, fixed_code=FIXED), "reproduce": fail_with("sandbox")}

    end = finish(play(script, "debug"))

    assert end.output["data"]["is_reproduced"] is False
    assert "the check could not be made" in end.text


def test_the_code_may_stand_in_a_fence_of_the_request() -> None:
    played = play_flow(
        analyze_code,
        {"findings": findings(test=TEST), "reproduce": a_report(0, 1)},
        decisions=DECISIONS,
        prompt=f"Why is it wrong?\n```python\n{CODE}```",
        params={"analysis_type": "debug"},
    )

    assert played.get_request("reproduce")["files"] == {"solution.py": CODE}


DOCUMENTED = '"""Sums."""\n\n\ndef add(a, b):\n    """Add."""\n    # really\n    return a - b\n'


def test_documented_code_is_the_same_program() -> None:
    played = play({"document": an_answer(DOCUMENTED)}, "document")

    end = finish(played)
    assert played.get_request("document")["params"][EXTRACT_CODE] is True
    assert end.output["data"] == {"is_same_program": True}
    assert end.output["verification"]["summary"] == (
        "unverified: no tests were run; its syntax tree is unchanged"
    )
    assert end.output["generated_code"] == DOCUMENTED


def test_a_changed_program_is_asked_for_again_with_the_reason() -> None:
    changed = DOCUMENTED.replace("a - b", "a + b")
    script = {"document": an_answer(changed), "document#2": an_answer(DOCUMENTED)}

    played = play(script, "document")

    assert (
        "the program was changed, first near line 4" in played.get_request("document#2")["prompt"]
    )
    assert finish(played).output["data"] == {"is_same_program": True}


def test_a_program_that_stays_changed_is_labelled_failed() -> None:
    changed = DOCUMENTED.replace("a - b", "a + b")
    script = dict.fromkeys(["document", "document#2"], an_answer(changed))

    verification = finish(play(script, "document")).output["verification"]

    assert verification["status"] == "failed"
    assert {"name": "same syntax tree", "passed": False, "problem": verification["reason"]} in (
        verification["checks"]
    )


@pytest.mark.parametrize(
    ("before", "after", "is_same"),
    [
        ("def f(): pass", 'def f():\n    """Do nothing."""\n', True),
        ("class A: ...", 'class A:\n    """An A."""\n', True),
        ("x = 1", "x = 1  # one\n", True),
        ("x = 1", "x = 2", False),
        ("x = 1", "y = 0\nx = 1", False),
        ("x = 1\ny = 2", "x = 1", False),
        ("def f(): return 1", 'def f():\n    "doc"\n    print()\n    return 1', False),
        ("x = 1", "x = = 1", False),
        ("x = 1", "", False),
        ("x = = 1", "x = 1", None),
        (None, "x = 1", None),
        ("x" * 200_000, "x = 1", None),
    ],
)
def test_programs_are_compared_without_their_documentation(
    before: str | None, after: str, is_same: bool | None
) -> None:
    assert compare_syntax(before, after, "python").is_same is is_same
    assert compare_syntax(before, after, "rust").is_same is None
