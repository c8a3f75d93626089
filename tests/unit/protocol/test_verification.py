"""The line about the code of a result, which every screen shows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.verification import (
    describe_result,
    describe_verification,
    get_receipt,
    get_status,
)

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
REPORT = {"total": 14, "passed_tests": 14, "sandbox": "bubblewrap"}


@pytest.mark.parametrize(
    ("verification", "line"),
    [
        (
            {"status": "verified", "report": REPORT},
            "verified: 14 of 14 tests passed (bubblewrap)",
        ),
        (
            {
                "status": "self_tested",
                "report": REPORT,
                "tests": {"written_by": "gpt-5", "vacuous": 4},
            },
            "self-tested: 10 of 10 tests passed that gpt-5 wrote (bubblewrap)",
        ),
        (
            {"status": "verified", "report": {}, "tests": {"command": "make"}},
            "verified: None",
        ),
        (
            {
                "status": "verified",
                "report": {"verdict": "passed", "sandbox": "bubblewrap"},
                "tests": {"command": "pytest -q"},
            },
            "verified: `pytest -q` ended with exit code 0 (bubblewrap)",
        ),
        (
            {
                "status": "verified",
                "report": REPORT | {"basis": "exit_code", "command": "cd app\n pytest -q"},
                "tests": {"command": "cd app\n pytest -q"},
            },
            "verified: `cd app pytest -q` ended with exit code 0; 14 passed (bubblewrap)",
        ),
        (
            {
                "status": "verified",
                "report": REPORT | {"basis": "tests", "command": "python -m unittest"},
            },
            "verified: 14 of 14 tests passed (bubblewrap)",
        ),
        (
            {"status": "unverified", "reason": "no tests were run", "sandbox": "none"},
            "unverified: no tests were run",
        ),
        ({"status": "unverified"}, "unverified: no tests were run"),
        (
            {"status": "failed", "reason": "2 of 3:\n assert", "sandbox": "bubblewrap"},
            "failed: 2 of 3: assert (bubblewrap)",
        ),
    ],
)
def test_the_line_says_what_was_run_and_where(verification: Any, line: str) -> None:
    if line == "verified: None":  # a row that claims it without a report claims nothing
        assert describe_verification(verification) == "verified: no tests were run"
    else:
        assert describe_result({"verification": verification}) == line


@given(verification=JSON | st.fixed_dictionaries({"status": st.text(), "report": JSON}))
def test_no_row_is_too_strange(verification: Any) -> None:
    line = describe_result({"verification": verification, "receipt": verification})

    assert line is None or "\n" not in line.removeprefix(str(verification["status"]))
    get_receipt({"receipt": verification})


@pytest.mark.parametrize("result", [None, {}, {"text": "hello"}, {"verification": None}, "x"])
def test_a_result_without_code_has_no_line(result: Any) -> None:
    assert describe_result(result) is None
    assert get_receipt(result) is None


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({"verification": {"status": "self_tested"}}, "self_tested"),
        ({"verification": {"status": "perfect"}}, "unverified"),
        ({"verification": {"status": ["verified"]}}, "unverified"),
        ({"verification": "verified"}, None),
        (None, None),
    ],
)
def test_the_status_of_a_result(result: object, status: str | None) -> None:
    assert get_status(result) == status
