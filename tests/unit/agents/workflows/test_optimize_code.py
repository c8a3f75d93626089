"""OPTIMIZE_CODE: code is handed over as faster only if tests and timing show it."""

from typing import Any

import pytest

from agents.sandbox.report import Report
from agents.workflows.coding.speed import read_timing
from agents.workflows.engine import HandedOver, StepRequest
from agents.workflows.optimize_code import optimize_code
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
from tests.unit.agents.workflows.code_scripts import FAST, SLOW, TESTS, a_timing, proof


def play(script: Any, *, decisions: Any = DECISIONS, **params: Any) -> ScriptedFlow:
    given = {"code": SLOW} | params
    return play_flow(optimize_code, script, decisions=decisions, params=given)


def finish(played: ScriptedFlow) -> Any:
    assert played.end.outcome == "finished", played.end
    return played.end


def test_code_that_is_equal_and_faster_is_handed_over() -> None:
    script = {
        "proof": proof(), "draft": an_answer(FAST), "check": a_report(3, 3),
        "timing": a_timing(0.3, 0.1),
    }  # fmt: skip

    played = play(script, tests=TESTS)

    assert played.keys == ["proof", "draft", "check", "timing"]
    assert played.get_request("proof")["not_by"] == ["cheap"]
    files = played.get_request("timing")["files"]
    assert files["original/solution.py"] == SLOW
    assert files["candidate/solution.py"] == FAST
    end = finish(played)
    assert end.output["generated_code"] == FAST
    assert end.output["verification"]["status"] == "verified"
    assert end.output["optimization"]["is_faster"] is True
    assert end.output["optimization"]["speedup"] == 3.0
    assert "It is 3.0 times as fast: 300 ms before" in end.text


@pytest.mark.parametrize(
    ("timing", "sentence"),
    [
        (a_timing(0.3, 0.29, noise=0.02), "It is not faster beyond noise"),
        (a_timing(0.3, 0.299, noise=0), "It is not faster beyond noise"),
        (a_timing(0.3, 0.5), "It is not faster beyond noise"),
        (a_timing(0.3, 0.1, equal=False), "The result is not the same, so the original stays"),
    ],
)
def test_what_is_not_shown_to_be_faster_leaves_the_original(timing: Any, sentence: str) -> None:
    def answer(step: StepRequest) -> Any:
        if step.key == "proof":
            return proof()
        if step.kind == "ask":
            return an_answer(FAST, str(step.request["model"]))
        return dict(timing) if step.key.startswith("timing") else a_report(3, 3)

    played = play(answer, tests=TESTS)

    assert [each for each in played.keys if each.startswith("timing")] == [
        "timing", "timing#2", "timing#3",
    ]  # fmt: skip
    end = finish(played)
    assert end.output["generated_code"] == SLOW
    assert end.output["files"] == {"solution.py": SLOW}
    assert end.output["rejected"]["generated_code"] == FAST
    assert end.output["optimization"]["is_original"] is True
    assert end.output["verification"]["status"] == "unverified"
    assert end.text.startswith(sentence)


def test_code_that_fails_its_tests_is_not_even_timed() -> None:
    def answer(step: StepRequest) -> Any:
        if step.key == "proof":
            return proof()
        return an_answer(FAST, "x") if step.kind == "ask" else a_report(1, 3)

    played = play(answer, tests=TESTS)

    assert "timing" not in played.keys
    end = finish(played)
    assert end.output["generated_code"] == SLOW
    assert "no candidate passed its tests" in end.text


def test_written_tests_count_only_if_the_original_passes_and_a_stub_does_not() -> None:
    script = {
        "proof": proof(), "baseline": a_report(3, 3), "stub": a_report(1, 3),
        "draft": an_answer(FAST), "check": a_report(3, 3), "timing": a_timing(0.3, 0.1),
    }  # fmt: skip

    played = play(script)

    assert played.get_request("baseline")["files"] == {"solution.py": SLOW}
    assert finish(played).output["verification"]["status"] == "self_tested"


@pytest.mark.parametrize(
    ("baseline", "stub"),
    [
        (a_report(2, 3), a_report(0, 3)),
        (a_report(3, 3), a_report(3, 3)),
        (fail_with("sandbox"), a_report(0, 3)),
    ],
)
def test_without_tests_that_count_faster_code_stays_unverified(baseline: Any, stub: Any) -> None:
    script = {
        "proof": proof(), "baseline": baseline, "stub": stub,
        "draft": an_answer(FAST), "check": report_output("no_tests"),
        "timing": a_timing(0.3, 0.1),
    }  # fmt: skip

    end = finish(play(script))

    assert end.output["generated_code"] == FAST
    assert end.output["verification"]["status"] == "unverified"
    assert end.output["optimization"]["is_equal"] is True


def test_without_a_workload_the_speed_is_not_claimed() -> None:
    script = {
        "proof": fail_with("invalid_answer", "no JSON"), "draft": an_answer(FAST),
        "check": a_report(3, 3),
    }  # fmt: skip

    end = finish(play(script, tests=TESTS))

    assert end.output["generated_code"] == FAST
    assert end.output["optimization"]["is_faster"] is None
    assert "The speed was not measured: no workload was written: no JSON." in end.text


@pytest.mark.parametrize(
    ("params", "decisions", "reason"),
    [
        ({"code": None}, DECISIONS, "the task has no params.code to compare with"),
        ({"language": "rust"}, DECISIONS, "the speed of rust is not measured"),
        ({}, NO_SANDBOX, "no executor has a sandbox for python"),
        ({"verify": "off"}, DECISIONS, "params.verify is off"),
    ],
)
def test_what_cannot_be_shown_is_handed_over_as_a_draft(
    params: Any, decisions: Any, reason: str
) -> None:
    played = play({}, decisions=decisions, **params)

    assert isinstance(played.end, HandedOver)
    assert reason in str(played.end.step.request["params"])


@pytest.mark.parametrize("output", ["", "no JSON", "[]", '{"original": 1}', '{"a":' * 500])
def test_a_run_that_prints_no_measurement_measures_nothing(output: str) -> None:
    report = Report(
        verdict="passed", sandbox="x", language="python", basis="exit_code", output=output
    )

    assert read_timing(report).is_faster is False
    assert "printed no measurement" in read_timing(report).to_sentence()
