"""Workflows played against scripted answers, and outputs of steps about code."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.sandbox.report import FailedTest, Report, Verdict
from agents.workflows.engine import Advance, HandedOver, StepRequest, Suspended, Workflow
from cogo import testing

Script = Mapping[str, Any] | Callable[[StepRequest], Any]
"""Outputs by key, or a function; `fail_with` makes a step fail."""


@dataclass
class ScriptedFlow:
    """What a workflow asked for, and how it ended."""

    end: Advance
    requests: list[StepRequest] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        """Keys of the steps in the order in which they were asked for."""
        return [each.key for each in self.requests]

    def get_request(self, key: str) -> Any:
        """Return what a step asked for."""
        return next(each.request for each in self.requests if each.key == key)


def play_flow(
    workflow: Workflow,
    script: Script,
    *,
    decisions: Mapping[str, Any] | None = None,
    prompt: str = "Write is_palindrome(text)",
    params: Mapping[str, Any] | None = None,
) -> ScriptedFlow:
    """Play a workflow; the answer of its last step, if it hands over, is none of the script's."""
    seen: list[Advance] = []

    def answer(request: StepRequest) -> Any:
        if isinstance(seen[-1], HandedOver):
            return ""
        given = script(request) if callable(script) else script[request.key]
        return {"cost_usd": "0.01"} | given if request.kind == "ask" else given

    testing.play(
        workflow, prompt=prompt, params=params, answers=answer, decisions=decisions,
        watch=seen.append,
    )  # fmt: skip
    asked = [each for step in seen if isinstance(step, Suspended) for each in step.steps]
    return ScriptedFlow(seen[-1], asked)


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
    """Build the report of a check in which some tests have passed."""
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
    """Build the report of a check."""
    report = Report(
        verdict=verdict, sandbox="bubblewrap", language="python", failures=tuple(failures), **fields
    )
    return report.model_dump(mode="json")
