"""What results say about code: never more than what was run."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.sandbox.report import Report, Verdict
from agents.workflows.coding.candidates import CodeAttempt, CodeCandidate, find_best
from agents.workflows.coding.job import TestSuite, find_language
from agents.workflows.coding.results import (
    Spending,
    build_self_tested,
    build_verified,
    judge,
)
from agents.workflows.engine import Answer
from agents.workflows.params import CodeParams

REPORTS = st.builds(
    Report,
    verdict=st.sampled_from(get_args(Verdict)),
    sandbox=st.just("bubblewrap"),
    language=st.just("python"),
    total=st.none() | st.integers(0, 9),
    passed_tests=st.none() | st.integers(0, 9),
)
SUITES = st.none() | st.builds(
    TestSuite, files=st.just("def test_a(): ..."), written_by=st.none() | st.just("tester")
)


def attempt(report: Report, code: str = "x = 1\n") -> CodeAttempt:
    answer = Answer(text=code, code=code, model="cheap", files={"solution.py": code})
    return CodeAttempt(
        candidate=CodeCandidate(answer=answer, code=code, files=answer.files), report=report
    )


@given(report=REPORTS, tests=SUITES)
def test_a_label_never_says_more_than_what_was_run(report: Report, tests: TestSuite | None) -> None:
    best = attempt(report)

    result = judge(best, tests, Spending(attempts=[best]))

    assert result.output is not None
    verification = result.output["verification"]
    assert isinstance(verification, dict)
    status, summary = verification["status"], str(verification["summary"])
    is_tested = report.passed and tests is not None
    assert (status == "verified") == (is_tested and tests is not None and tests.written_by is None)
    assert (status == "self_tested") == (
        is_tested and tests is not None and tests.written_by is not None
    )
    assert summary.startswith(str(status).replace("_", "-"))
    assert result.output["generated_code"] == "x = 1\n"


@given(report=REPORTS, tests=SUITES)
def test_no_other_way_leads_to_the_labels(report: Report, tests: TestSuite | None) -> None:
    best = attempt(report)
    suite = tests or TestSuite(files="", written_by="tester")

    if not report.passed or suite.written_by is not None:
        with pytest.raises(ValueError, match="only code that passed"):
            build_verified(best, suite, Spending())
    if not report.passed or suite.written_by is None:
        with pytest.raises(ValueError, match="only code that passed"):
            build_self_tested(best, suite, Spending())


@given(reports=st.lists(REPORTS, min_size=1, max_size=6))
def test_the_best_attempt_has_passed_the_most(reports: list[Report]) -> None:
    attempts = [attempt(each, f"x = {number}\n") for number, each in enumerate(reports)]

    best = find_best(attempts)

    assert best.passed or not any(each.passed for each in attempts)
    if not best.passed:
        most = max(each.report.passed_tests or 0 for each in attempts)
        assert (best.report.passed_tests or 0) == most


@pytest.mark.parametrize(
    ("prompt", "params", "language"),
    [
        ("Write is_palindrome(text)", {}, "python"),
        ("Write a debounce hook for React", {}, "javascript"),
        ("Write it in Rust, please", {}, "rust"),
        ("Convert this Python to Go", {}, "go"),
        ("Write a Python script that parses .ts files", {}, "python"),
        ("Write a C++ queue", {}, "cpp"),
        ("Go through the list and remove rust", {}, "python"),
        ("Write a query in SQL", {}, "sql"),
        ("Write it in Rust", {"language": "TS"}, "typescript"),
        ("Write it in Rust", {"target_file": "src/a.jsx"}, "jsx"),
        ("Write it", {"tests": {"a.test.ts": "x"}}, "typescript"),
        ("Write it in Rust", {"tests": "assert f(1) == 2"}, "python"),
        ("x " * 100_000, {"tests": "x" * 100_000}, "python"),
    ],
)
def test_the_language_is_stated_or_found(prompt: str, params: Any, language: str) -> None:
    assert find_language(prompt, CodeParams.model_validate(params)) == language
