"""Outputs of steps about code, for scripted flows."""

from collections.abc import Iterable
from typing import Any

from agents.sandbox.report import FailedTest, Report, Verdict

LADDER: dict[str, Any] = {
    "models": [
        {"model": "cheap", "maker": "a", "reason": "", "expected_usd": 0.01},
        {"model": "other", "maker": "b", "reason": "", "expected_usd": 0.1},
        {"model": "best", "maker": "c", "reason": "", "expected_usd": 1.43},
    ],
    "strongest": {"model": "best", "maker": "c", "reason": "", "expected_usd": 1.43},
}
DECISIONS: dict[str, Any] = {
    "ladder": LADDER,
    "sandbox": {"available": True, "backend": "bubblewrap"},
    "team": {"models": []},
    "policy": "scored",
}
NO_SANDBOX = DECISIONS | {"sandbox": {"available": False, "backend": None}}


def an_answer(code: str, model: str = "cheap", **output: Any) -> dict[str, Any]:
    """Build the output of a question whose answer is one file of code."""
    return {
        "text": f"```python\n{code}```",
        "generated_code": code,
        "files": {"solution.py": code},
        "language": "python",
        "model_used": model,
        "verification": {"status": "unverified", "reason": "no tests were run", "checks": []},
        "notes": [],
    } | output


def a_report(passed: int, total: int, message: str = "assert 1 == 2") -> dict[str, Any]:
    """Build the output of a check in which some tests have passed."""
    failures = [
        FailedTest(test=f"test_{n}", message=message, trace=("line 1", "line 2"))
        for n in range(total - passed)
    ]
    return report_output(
        "passed" if passed == total else "failed",
        total=total, passed_tests=passed, failed_tests=total - passed, failures=failures,
    )  # fmt: skip


def report_output(
    verdict: Verdict, *, failures: Iterable[FailedTest] = (), **fields: Any
) -> dict[str, Any]:
    """Build the output of a check."""
    report = Report(
        verdict=verdict, sandbox="bubblewrap", language="python", failures=tuple(failures), **fields
    )
    return {"report": report.model_dump(mode="json"), "text": report.summary, "cost": None}
