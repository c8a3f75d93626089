"""A workflow played to its end against scripted answers, and outputs of steps about code."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from agents.sandbox.report import FailedTest, Report, Verdict
from agents.workflows.engine import (
    Advance,
    NeedsDecisions,
    StepRequest,
    Suspended,
    Workflow,
    advance,
)
from protocol.lifecycle import SubtaskState
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord, StepRecord

START = datetime(2026, 1, 1, tzinfo=UTC)
MAX_ADVANCES = 100


@dataclass(frozen=True)
class Failing:
    """The end of a step that fails."""

    error_class: str
    message: str = "it failed"


Script = Mapping[str, Any] | Callable[[StepRequest], Any]
"""Outputs by key, or a function; a `Failing` fails the step."""


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
    **task: Any,
) -> ScriptedFlow:
    """Play a workflow; each advance is made twice, and both must be the same."""
    brief = TaskBrief(
        id=UUID(int=1), type=workflow.type, prompt=prompt, params=dict(params or {}), **task
    )
    record = FlowRecord(first_claimed_at=START)
    requests: list[StepRequest] = []
    for _ in range(MAX_ADVANCES):
        answer = advance(workflow, brief, record)
        assert answer == advance(workflow, brief, record), "a replay gave something else"
        match answer:
            case NeedsDecisions(requests=needed):
                made = {each.key: (decisions or {})[each.kind] for each in needed}
                record = record.model_copy(update={"decisions": record.decisions | made})
            case Suspended(steps=steps):
                assert steps, "the workflow waits for nothing new"
                ended = [
                    _end_step(each, script, len(record.steps) + number)
                    for number, each in enumerate(steps, start=1)
                ]
                requests += steps
                record = record.model_copy(update={"steps": [*record.steps, *ended]})
            case _:
                return ScriptedFlow(answer, requests)
    raise AssertionError(f"the workflow did not end: {[each.key for each in requests]}")


def _end_step(request: StepRequest, script: Script, number: int) -> StepRecord:
    given = script(request) if callable(script) else script[request.key]
    output: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    if isinstance(given, Failing):
        error = {"class": given.error_class, "message": given.message}
    else:
        output = given
    cost = None if output is None else output.pop("cost", "0.01")
    return StepRecord(
        key=request.key,
        kind=request.kind,
        digest=request.digest,
        status=SubtaskState.COMPLETED if error is None else SubtaskState.FAILED,
        end_no=number,
        ended_at=START + timedelta(minutes=number),
        attempt=1,
        cost_usd=None if cost is None else Decimal(cost),
        output=output,
        error=error,
    )


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
