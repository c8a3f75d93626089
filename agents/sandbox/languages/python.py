"""Checks of Python: pytest, unittest, assertions, and `check(candidate)`."""

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from agents.sandbox.check import CheckParams, encode_files, explain_exit, explain_hit
from agents.sandbox.job import Job, Outcome, RunLimits
from agents.sandbox.report import FailedTest, Report, Verdict

MANIFEST: Final = ".cogo-run.json"
NONCE_FILE: Final = ".cogo-nonce"
TEST_FILE: Final = "test_solution.py"

_MISSING_MODULE: Final = re.compile(r"No module named '([\w.]+)'")
_FOREIGN: Final = frozenset(
    {"conftest.py", "sitecustomize.py", "usercustomize.py", "pytest.ini", ".pytest.ini", "tox.ini"}
)
"""Files that would change how tests run. Those of the tested code are left out."""


@dataclass(frozen=True, slots=True)
class PythonToolchain:
    """An interpreter, and a folder with pytest and the program that runs it."""

    interpreter: Path
    folder: Path
    readable: tuple[Path, ...]


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
    """A line of `harness/run_tests.py`."""

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


def build_python_job(
    params: CheckParams, toolchain: PythonToolchain, *, limits: RunLimits, secret: str
) -> Job:
    """Return the job that runs the tests of `params`; only the harness learns `secret`."""
    tests = list_test_files(params)
    files = {
        path: text
        for path, text in params.files.items()
        if path not in tests and PurePosixPath(path).name not in _FOREIGN
    }
    manifest = {
        "sources": sorted(path for path in files if path.endswith(".py")),
        "tests": [path for path in tests if path.endswith(".py")],
        "is_stub": params.against == "stub",
        "entry_point": params.entry_point,
    }
    program = toolchain.folder / "agents/sandbox/harness/run_tests.py"
    return Job(
        files={
            **encode_files(files | tests),
            MANIFEST: json.dumps(manifest).encode(),
            NONCE_FILE: secret.encode(),
        },
        command=[str(toolchain.interpreter), "-I", "-S", "-B", str(program)],
        limits=limits,
        environment={"PYTHONHASHSEED": "0"},
        readable=(toolchain.folder, *toolchain.readable),
    )


def list_test_files(params: CheckParams) -> dict[str, str]:
    """Return the files of the tests by path."""
    if isinstance(params.tests, str):
        return {TEST_FILE: params.tests} if params.tests.strip() else {}
    return params.tests or {}


def read_python_report(
    outcome: Outcome, params: CheckParams, *, limits: RunLimits, secret: str
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
        language="python",
        command="python -m pytest",
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
    if problem.stage == "syntax":
        return "syntax", problem.message
    if problem.stage == "tampering":
        return "failed", problem.message
    if missing := _MISSING_MODULE.search(problem.message):
        name = missing.group(1)
        return (
            "crashed",
            f"{problem.where} needs the module {name}, which the sandbox does not have",
        )
    first = problem.message.partition("\n")[0]
    return "crashed", f"{problem.where} cannot be imported: {first}"
