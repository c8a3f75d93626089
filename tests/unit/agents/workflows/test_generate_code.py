"""GENERATE_CODE: every path from a request to a labelled result, with scripted answers."""

from typing import Any
from uuid import UUID

import pytest

from agents.workflows.engine import (
    Finished,
    FlowFailed,
    HandedOver,
    NeedsDecisions,
    StepRequest,
    Suspended,
    advance,
)
from agents.workflows.generate_code import generate_code
from agents.workflows.params.step_params import UNVERIFIED
from cogo.testing import START, fail_with
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord
from tests.support.agents.scripted_flow import (
    DECISIONS,
    LADDER,
    NO_SANDBOX,
    Script,
    ScriptedFlow,
    a_report,
    an_answer,
    play_flow,
    report_output,
)

TESTS = "def test_a():\n    assert is_palindrome('abba')\n"
GOOD, BAD = "good = 1\n", "bad = 1\n"


def play(script: Script, *, decisions: Any = DECISIONS, **params: Any) -> ScriptedFlow:
    return play_flow(generate_code, script, decisions=decisions, params=params)


def finish(played: ScriptedFlow) -> Any:
    assert isinstance(played.end, Finished), played.end
    return played.end


def test_code_that_passes_the_tests_of_the_task_is_verified() -> None:
    played = play({"draft": an_answer(GOOD), "check": a_report(14, 14)}, tests=TESTS)

    end = finish(played)
    assert played.keys == ["draft", "check"]
    assert end.output["verification"]["status"] == "verified"
    assert end.output["verification"]["summary"] == "verified: 14 of 14 tests passed (bubblewrap)"
    assert end.output["generated_code"] == GOOD
    assert end.output["files"] == {"solution.py": GOOD}
    assert end.output["model_used"] == "cheap"
    assert end.text == f"```python\n{GOOD}```"
    asked = played.get_request("draft")
    assert (asked["model"], asked["params"]["tests"]) == ("cheap", TESTS)
    assert played.get_request("check") == {
        "language": "python", "files": {"solution.py": GOOD}, "tests": TESTS,
        "command": None, "limits": None, "judges": "draft",
    }  # fmt: skip


def test_a_repair_gets_the_last_code_and_the_first_failure_only() -> None:
    script = {
        "draft": an_answer(BAD), "check": a_report(1, 3, "assert 7 == 8"),
        "repair": an_answer(GOOD), "check#2": a_report(3, 3),
    }  # fmt: skip

    played = play(script, tests=TESTS)

    assert played.keys == ["draft", "check", "repair", "check#2"]
    assert "after" not in played.get_request("draft")
    assert played.get_request("check#2")["judges"] == "repair"
    repair = played.get_request("repair")
    assert (repair["model"], repair["after"]) == ("cheap", ["cheap"])
    assert not repair["with_history"]
    assert "assert 7 == 8" in repair["prompt"]
    assert BAD in repair["prompt"]
    assert "test_1" not in repair["prompt"]
    receipt = finish(played).output["receipt"]
    assert receipt["sentence"] == (
        "cheap passed 3 of 3 at the 2nd attempt, $0.02; "
        "best alone, the strongest: about $1.43 (estimate)."
    )
    assert [each["passed"] for each in receipt["attempts"]] == [1, 3]


def test_another_family_begins_afresh_and_then_the_strongest() -> None:
    script = {
        "draft": an_answer(BAD), "check": a_report(1, 3, "assert 1 == 2"),
        "repair": an_answer(BAD), "check#2": a_report(1, 3, "assert 3 == 4"),
        "draft#2": an_answer(BAD, "other"), "check#3": a_report(2, 3, "assert 5 == 6"),
        "repair#2": an_answer(BAD, "other"), "check#4": a_report(0, 3, "assert 7 == 8"),
        "draft#3": an_answer(GOOD, "best"), "check#5": a_report(3, 3),
    }  # fmt: skip

    played = play(script, tests=TESTS)

    models = [each.request["model"] for each in played.requests if each.kind == "ask"]
    assert models == ["cheap", "cheap", "other", "other", "best"]
    fresh = played.get_request("draft#2")["prompt"]
    assert BAD not in fresh
    assert "assert 3 == 4" in fresh
    assert "assert 1 == 2" not in fresh
    assert finish(played).output["verification"]["status"] == "verified"


def test_the_same_failure_twice_ends_the_repairs_and_the_best_candidate_is_handed_over() -> None:
    def answer(step: StepRequest) -> Any:
        if step.kind == "ask":
            model = str(step.request["model"])
            return an_answer(f"by = {model!r}\n", model)
        return a_report(2 if "other" in str(step.request["files"]) else 1, 3)

    played = play(answer, tests=TESTS)

    end = finish(played)
    assert [each.key for each in played.requests if each.kind == "ask"] == [
        "draft", "repair", "draft#2", "repair#2", "draft#3", "repair#3",
    ]  # fmt: skip
    assert end.output["model_used"] == "other"
    assert end.output["verification"]["status"] == "failed"
    assert end.output["verification"]["summary"].startswith(
        "failed: 2 of 3 tests passed: test_0: assert"
    )
    assert len(end.output["receipt"]["attempts"]) == 6


def test_tests_are_written_by_another_maker_before_any_code_and_never_verify() -> None:
    script = {
        "tests": an_answer(TESTS, "tester"), "stub": a_report(1, 5),
        "draft": an_answer(GOOD), "check": a_report(5, 5),
    }  # fmt: skip

    played = play(script)

    assert played.keys == ["tests", "stub", "draft", "check"]
    assert played.get_request("tests")["not_by"] == ["cheap"]
    assert played.get_request("tests")["role"] == "reviewer"
    assert played.get_request("stub")["against"] == "stub"
    assert played.get_request("check")["tests"] == TESTS
    verification = finish(played).output["verification"]
    assert verification["status"] == "self_tested"
    assert verification["tests"]["written_by"] == "tester"
    assert verification["summary"] == (
        "self-tested: 4 of 4 tests passed that tester wrote (bubblewrap)"
    )


@pytest.mark.parametrize(
    "stub",
    [a_report(5, 5), report_output("no_tests"), report_output("syntax"), report_output("crashed")],
)
def test_tests_that_do_not_fail_against_a_stub_do_not_count(stub: dict[str, Any]) -> None:
    script = {
        "tests": an_answer(TESTS, "tester"), "stub": stub,
        "draft": an_answer(GOOD), "check": report_output("no_tests"),
    }  # fmt: skip

    played = play(script)

    assert played.get_request("check")["tests"] is None
    assert "tests" not in played.get_request("draft")["params"]
    verification = finish(played).output["verification"]
    assert (verification["status"], verification["reason"]) == ("unverified", "no tests were run")


@pytest.mark.parametrize(
    "tests", [fail_with("no_model"), an_answer(""), an_answer("x", problem="it was cut")]
)
def test_without_written_tests_the_code_is_still_parsed_and_imported(tests: Any) -> None:
    script = {
        "tests": tests, "draft": an_answer(BAD), "check": report_output("syntax", reason="line 1"),
        "repair": an_answer(GOOD), "check#2": report_output("no_tests"),
    }  # fmt: skip

    played = play(script)

    end = finish(played)
    assert end.output["generated_code"] == GOOD
    assert end.output["verification"]["status"] == "unverified"


def test_written_tests_that_two_makers_fail_alike_are_doubted() -> None:
    script = {
        "tests": an_answer(TESTS, "tester"), "stub": a_report(0, 3),
        "draft": an_answer(GOOD), "check": a_report(2, 3),
        "repair": an_answer(GOOD), "check#2": a_report(2, 3),
        "draft#2": an_answer(GOOD, "other"), "check#3": a_report(2, 3),
    }  # fmt: skip

    verification = finish(play(script)).output["verification"]

    assert verification["status"] == "unverified"
    assert "which may be wrong" in verification["reason"]


def test_code_that_cannot_be_imported_is_failed_whoever_wrote_the_tests() -> None:
    def answer(step: StepRequest) -> Any:
        if step.key == "stub":
            return a_report(0, 3)
        if step.kind == "check":
            return report_output("crashed", reason=f"no module named {step.key}")
        return an_answer(TESTS, str(step.request["model"] or "tester"))

    assert finish(play(answer)).output["verification"]["status"] == "failed"


def test_without_a_sandbox_one_draft_is_handed_over_which_says_why_it_was_not_run() -> None:
    played = play({}, decisions=NO_SANDBOX, tests=TESTS, target_file="a.py")

    assert isinstance(played.end, HandedOver)
    assert not played.requests
    step = played.end.step
    assert (step.key, step.answer, step.request["model"]) == ("main", True, None)
    assert step.request["prompt"] == "Write is_palindrome(text)"
    params: Any = step.request["params"]
    assert (params["tests"], params["target_file"]) == (TESTS, "a.py")
    assert params[UNVERIFIED] == "no tests were run: no executor has a sandbox for python"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"verify": "off"}, "params.verify is off"),
        ({"language": "cobol"}, "cobol is only run with params.test_command"),
    ],
)
def test_code_that_is_not_to_be_run_needs_only_the_policy(params: Any, reason: str) -> None:
    played = play({}, decisions={"policy": "rules"}, **params)

    assert isinstance(played.end, HandedOver)
    assert reason in str(played.end.step.request["params"])


def test_a_sandbox_that_is_gone_leaves_the_code_unverified() -> None:
    script = {"draft": an_answer(GOOD), "check": report_output("unavailable", reason="it is gone")}

    verification = finish(play(script, tests=TESTS)).output["verification"]

    assert verification["status"] == "unverified"
    assert verification["reason"] == "no tests were run: it is gone"


def test_a_command_of_the_task_judges_code_of_any_language() -> None:
    script = {"draft": an_answer(GOOD), "check": report_output("passed", basis="exit_code")}

    played = play(script, language="cobol", test_command="make check", files={"Makefile": "all:"})

    asked = played.get_request("check")
    assert asked["command"] == "make check"
    assert asked["files"] == {"Makefile": "all:", "solution.py": GOOD}
    verification = finish(played).output["verification"]
    assert verification["summary"] == "verified: `make check` ended with exit code 0 (bubblewrap)"
    assert verification["reason"] == "`make check` ended with exit code 0"


def test_tests_in_words_are_shown_and_do_not_verify() -> None:
    script = {
        "tests": an_answer(TESTS, "tester"), "stub": a_report(0, 1),
        "draft": an_answer(GOOD), "check": a_report(1, 1),
    }  # fmt: skip

    played = play(script, tests="It must be fast, and handle empty text.")

    assert "handle empty text" in played.get_request("tests")["params"]["tests"]
    assert finish(played).output["verification"]["status"] == "self_tested"


def test_a_model_that_fails_is_followed_by_the_next() -> None:
    script = {
        "draft": fail_with("content_filtered"), "draft#2": an_answer(GOOD, "other"),
        "check": a_report(1, 1),
    }  # fmt: skip

    assert finish(play(script, tests=TESTS)).output["model_used"] == "other"


@pytest.mark.parametrize("error_class", ["sandbox", "no_agent", "deadline", "budget"])
def test_a_check_that_cannot_be_made_loses_no_draft_and_pays_for_no_other(error_class: str) -> None:
    script = {"draft": an_answer(GOOD), "check": fail_with(error_class, "the sandbox is gone")}

    played = play(script, tests=TESTS)

    assert played.keys == ["draft", "check"]
    output = finish(played).output
    assert output["generated_code"] == GOOD
    assert output["verification"]["status"] == "unverified"
    assert "the check could not be made" in output["verification"]["reason"]


def test_without_a_check_of_written_tests_the_draft_is_handed_over_all_the_same() -> None:
    gone = fail_with("no_agent", "nobody has a sandbox")
    script = {"tests": an_answer(TESTS), "stub": gone, "draft": an_answer(GOOD), "check": gone}

    assert finish(play(script)).output["verification"]["status"] == "unverified"


def test_a_spent_budget_hands_over_the_best_candidate_with_a_note() -> None:
    script = {
        "draft": an_answer(BAD), "check": a_report(1, 2), "repair": fail_with("budget", "no money"),
    }  # fmt: skip

    end = finish(play(script, tests=TESTS))

    assert end.output["generated_code"] == BAD
    assert end.output["verification"]["status"] == "failed"
    assert "Not everything could be tried: no money" in end.output["notes"]


@pytest.mark.parametrize("error_class", ["budget", "deadline", "no_model"])
def test_without_any_candidate_the_task_fails_with_the_reason(error_class: str) -> None:
    script = dict.fromkeys(["draft", "draft#2", "draft#3"], fail_with(error_class, "why"))

    played = play(script, tests=TESTS)

    assert isinstance(played.end, FlowFailed)
    assert played.end.error_class == error_class


def test_without_an_eligible_model_the_step_says_so() -> None:
    decisions = DECISIONS | {"ladder": {"models": [], "problem": "none"}}

    played = play({"draft": fail_with("no_model", "none")}, decisions=decisions, tests=TESTS)

    assert isinstance(played.end, FlowFailed)
    assert played.get_request("draft")["model"] is None


def test_a_ladder_is_asked_for_with_its_check_and_recorded_as_before() -> None:
    task = TaskBrief(id=UUID(int=1), type="GENERATE_CODE", prompt="x", params={"tests": TESTS})
    written = task.model_copy(update={"params": {}})
    sandbox = {"sandbox:python": {"available": True}}
    # As an orchestrator recorded it that knew of no checks.
    earlier = sandbox | {"ladder:coding": LADDER, "team": {"models": []}}

    asked = [
        advance(
            generate_code, each, FlowRecord(steps=[], decisions=sandbox, first_claimed_at=START)
        )
        for each in (task, written)
    ]
    resumed = advance(
        generate_code, task, FlowRecord(steps=[], decisions=earlier, first_claimed_at=START)
    )

    assert all(isinstance(each, NeedsDecisions) for each in asked)
    requests = [each.requests[0] for each in asked if isinstance(each, NeedsDecisions)]
    assert [each.key for each in requests] == ["ladder:coding"] * 2
    assert [dict(each.arguments) for each in requests] == [
        {"role": "coding", "check": "run", "calls": 2},
        {"role": "coding", "check": "written_tests", "calls": 2},
    ]
    assert isinstance(resumed, Suspended)
    assert [each.request["model"] for each in resumed.steps] == ["cheap"]


def test_an_unknown_cost_is_said_and_not_taken_for_nothing() -> None:
    script = {"draft": an_answer(GOOD, "best") | {"cost_usd": None}, "check": a_report(1, 1)}

    receipt = finish(play(script, tests=TESTS)).output["receipt"]

    assert receipt["sentence"] == "best passed 1 of 1, cost unknown."
    assert receipt["cost_usd"] is None
    assert receipt["strongest"] == {
        "model": LADDER["strongest"]["model"], "estimated_usd": 1.43,
    }  # fmt: skip


def test_a_team_drafts_at_once_and_tests_choose_among_its_answers() -> None:
    script = {
        "member_1/draft": an_answer(BAD), "member_2/draft": an_answer(GOOD, "other"),
        "member_1/check": a_report(1, 3), "member_2/check": a_report(3, 3),
        "member_1/repair": fail_with("rate_limited"),
    }  # fmt: skip
    decisions = DECISIONS | {"team": {"models": LADDER["models"][:2]}}

    played = play(script, decisions=decisions, tests=TESTS)

    assert played.keys[:2] == ["member_1/draft", "member_2/draft"]
    end = finish(played)
    assert end.output["model_used"] == "other"
    assert end.output["verification"]["status"] == "verified"


def test_want_of_money_for_tests_leaves_the_draft() -> None:
    script = {
        "tests": fail_with("budget"), "draft": an_answer(GOOD), "check": report_output("no_tests"),
    }  # fmt: skip

    assert finish(play(script)).output["verification"]["status"] == "unverified"
