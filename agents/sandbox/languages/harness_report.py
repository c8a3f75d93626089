"""Reports of the harness: what its lines say, and the verdict that follows."""

import re
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from agents.sandbox.check import explain_exit, explain_hit
from agents.sandbox.job import Outcome, RunLimits
from agents.sandbox.report import FailedTest, Report, Verdict

MANIFEST: Final = ".cogo-run.json"
NONCE_FILE: Final = ".cogo-nonce"

_MISSING_MODULE: Final = re.compile(
    r"No module named '([\w.]+)'|Cannot find (?:package|module) '([^']+)'"
    r"|Failed to resolve import \"([^\"]+)\""
)


class _Failure(BaseModel):
    test: str
    message: str
    trace: str


class _Problem(BaseModel):
    stage: str
    where: str
    message: str
    trace: str


class _State(BaseModel):
    """A line of `harness/supervise.py`."""

    model_config = ConfigDict(extra="ignore")

    passed: int
    failed: int
    skipped: int
    missing: int
    first_missing: str | None
    running: str | None
    problem: _Problem | None
    ended: bool
    status: int | None
    failures: list[_Failure]


def read_harness_report(
    outcome: Outcome, *, language: str, command: str, limits: RunLimits, secret: str
) -> Report:
    """Return the report; only lines that begin with the secret count."""
    state = _read_state(outcome.stdout, secret)
    verdict, reason = _judge(outcome, state, limits)
    failures = [
        FailedTest(test=each.test, message=each.message, trace=tuple(each.trace.splitlines()))
        for each in (state.failures if state else ())
    ]
    if state and (problem := state.problem):
        trace = tuple(problem.trace.splitlines())
        failures.insert(0, FailedTest(test=problem.where, message=problem.message, trace=trace))
    total = state.passed + state.failed + state.skipped if state else None
    return Report(
        verdict=verdict,
        reason=reason,
        sandbox=outcome.backend,
        language=language,
        command=command,
        total=total,
        passed_tests=state.passed if state else None,
        failed_tests=state.failed if state else None,
        failures=tuple(failures),
        output=outcome.stderr.decode("utf-8", "replace"),
        seconds=outcome.seconds,
    )


def _read_state(stdout: bytes, secret: str) -> _State | None:
    state = None
    prefix = f"{secret} ".encode()
    for line in stdout.split(b"\n"):
        if line.startswith(prefix):
            try:
                state = _State.model_validate_json(line[len(prefix) :])
            except ValidationError:
                continue
    return state


def _judge(outcome: Outcome, state: _State | None, limits: RunLimits) -> tuple[Verdict, str]:
    if state is not None and state.problem is not None:
        return _judge_problem(state.problem)
    if state is not None and state.ended:
        return _judge_results(outcome, state)
    where = f", in {state.running}" if state and state.running else ""
    if hit := explain_hit(outcome, limits):
        verdict, reason = hit
        return verdict, reason + where
    if state is None:
        return "crashed", f"the process {explain_exit(outcome)} before its tests began"
    code = outcome.exit_code if state.status is None else state.status
    how = f"was ended by signal {-code}" if code and code < 0 else f"ended with exit code {code}"
    return "crashed", f"the process {how} before its tests had ended{where}"


def _judge_results(outcome: Outcome, state: _State) -> tuple[Verdict, str]:
    if state.failed:
        return "failed", f"{state.failed} of {state.passed + state.failed} tests failed"
    if state.missing:
        return "crashed", f"{state.first_missing} did not report its end"
    if not state.passed:
        return "no_tests", "every test was skipped" if state.skipped else "no tests were found"
    if outcome.exit_code != 0:
        return "crashed", f"the process {explain_exit(outcome)} after its tests had ended"
    return "passed", ""


def _judge_problem(problem: _Problem) -> tuple[Verdict, str]:
    if problem.stage == "syntax" or problem.message.startswith(("SyntaxError", "Transform failed")):
        return "syntax", problem.message
    if problem.stage == "end":
        return "crashed", f"{problem.where}: {problem.message}"
    if problem.stage == "tampering":
        return "failed", problem.message
    if missing := _MISSING_MODULE.search(problem.message):
        name = next(filter(None, missing.groups()))
        return (
            "crashed",
            f"{problem.where} needs the module {name}, which the sandbox does not have",
        )
    first = problem.message.partition("\n")[0]
    return "crashed", f"{problem.where} cannot be imported: {first}"
